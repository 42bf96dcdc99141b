/** decodeHandover against damaged states: it takes them or throws HandoverError, which names the place. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeHandover,
  encodeHandover,
  HandoverError,
  type HandoverState,
  parseHandover,
} from "../../../daemons/virtlockd/handover.ts";
import { Random } from "../../fuzz/random.ts";
import { type Json, libvirtState, ownState } from "./handover_states.ts";
import { changed, type Place, placeName, places, valueAt } from "./json_places.ts";

const SEED = 20_230_116;
const RANDOM_DAMAGES = 150_000;
const RANDOM_TEXTS = 20_000;
const SAMPLES = 200;

/** Keys that the C daemon's reader does without, and `hostkeep` with what we do without in it. */
const optional = new Set([
  "admin",
  "max_anonymous_clients",
  "next_client_id",
  "unlinkUNIX",
  "id",
  "conn_time",
  "auth_pending",
  "hostkeep",
  "pidFile",
  "idleTimeoutS",
  "aside",
]);

/** A state of ours in which every key of `hostkeep` is there and no list is empty. */
const fullState: Json = (() => {
  const full = (json: Json): boolean => {
    const { hostkeep, daemon, lockspaces } = json;
    return daemon.servers.admin?.clients.length > 0 && lockspaces.length > 0 &&
      hostkeep.connections.some((one: Json) => one.aside !== undefined) &&
      Object.keys(hostkeep).length === 10 &&
      Object.values(hostkeep).every((value) => !Array.isArray(value) || value.length > 0);
  };
  for (let seed = 0;; seed++) {
    const states = fc.sample(ownState, { seed, numRuns: 100 });
    const found = states.map((state) => JSON.parse(encodeHandover(state))).find(full);
    if (found !== undefined) return found;
  }
})();

const goldens: Record<string, Json> = { "the C daemon": libvirtState(), "ours": fullState };

/** The message with which a state is refused, or undefined when it is taken. */
function refusal(json: unknown): string | undefined {
  try {
    checkTaken(decodeHandover(json));
    return undefined;
  } catch (error) {
    if (error instanceof HandoverError) return error.message;
    throw error;
  }
}

/** What was taken can be handed on, and is the same then. */
function checkTaken(state: HandoverState): void {
  assertEquals(decodeHandover(parseHandover(encodeHandover(state))), state);
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
}

for (const [whose, golden] of Object.entries(goldens)) {
  Deno.test(`decodeHandover names each mandatory key that a state of ${whose} lacks`, () => {
    for (const place of places(golden)) {
      const key = place[place.length - 1];
      if (typeof key === "number") continue;
      const message = refusal(changed(golden, place));
      if (optional.has(key)) assertEquals(message, undefined, placeName(place));
      else assertStringIncludes(`${message}:`, nameOfMissing(place), placeName(place));
    }
  });

  Deno.test(`decodeHandover names each value of another type in a state of ${whose}`, () => {
    const strangers = [null, true, 7, "x", [], {}];
    for (const place of places(golden)) {
      const type = typeOf(valueAt(golden, place));
      for (const stranger of strangers) {
        if (typeOf(stranger) === type) continue;
        const message = refusal(changed(golden, place, stranger));
        const what = `${JSON.stringify(stranger)} at ${placeName(place)}`;
        if (isTaken(place, stranger)) assertEquals(message, undefined, what);
        else assertStringIncludes(message ?? "taken", placeName(place), what);
      }
    }
  });
}

/** Without `servers` the daemon is read as the server itself, as libvirt 1.2 wrote it. */
function nameOfMissing(place: Place): string {
  return placeName(place) === "daemon.servers"
    ? "daemon.servers.virtlockd.min_workers"
    : placeName(place);
}

/** A list without items lacks nothing where no key is mandatory. */
function isTaken(place: Place, stranger: unknown): boolean {
  const isAdminData = place.includes("admin") && place.includes("privateData");
  return isAdminData && typeOf(stranger) === "array";
}

/** Numbers that a field of numbers cannot have, by the field. */
const badNumbers: Record<string, readonly number[]> = {
  fd: [-1, 1.5, 2 ** 31, Infinity],
  flags: [-1, 0.5, 2 ** 32],
  max_clients: [-1, 2 ** 32, 1e300],
  keepaliveInterval: [-2, 2 ** 32],
  id: [-1, 0.5, 2 ** 53, Infinity],
  next_client_id: [-1, 1.5, 1e300],
  conn_time: [-1, 1.5, 1e13],
  ownerPid: [-1, 0.5, 2 ** 32],
  pidFile: [-1, 0.5],
  idleTimeoutS: [-1, 1e10],
  elapsedMs: [-1, Infinity],
  version: [0, 2],
  skip: [-1, 2 ** 32],
  descriptors: [-2, 33],
};

Deno.test("decodeHandover names numbers that are out of range", () => {
  for (const place of places(fullState)) {
    for (const number of badNumbers[place[place.length - 1]] ?? []) {
      const message = refusal(changed(fullState, place, number));
      assertStringIncludes(message ?? "taken", placeName(place), String(number));
    }
  }
});

Deno.test("decodeHandover names what should be base64 and is not", () => {
  const fields = new Set(["input", "output", "bytes"]);
  for (const place of places(fullState)) {
    const [, list, , member] = place;
    const isName = (list === "names" || list === "directories") && member === 1;
    if (!isName && !fields.has(String(place[place.length - 1]))) continue;
    for (const text of ["*", "=", "A", "QQ=QQ==", "\u00e9", "\u017f\u212aQQ"]) {
      const message = refusal(changed(fullState, place, text));
      assertStringIncludes(message ?? "taken", placeName(place), text);
    }
  }
  const [place] = [...places(fullState)].filter((place) => place[place.length - 1] === "bytes");
  const tooShort = changed(fullState, place, btoa("x".repeat(27)));
  assertEquals(refusal(tooShort), `${placeName(place)}: expected a frame in base64`);
});

const fillers: readonly Json[] = [
  null,
  true,
  false,
  0,
  1,
  -1,
  3,
  14,
  1.5,
  2 ** 31,
  2 ** 32,
  1e300,
  Infinity,
  "",
  "x",
  "*",
  "\0",
  "\ud800",
  "00".repeat(16),
  [],
  [[]],
  [3, 4],
  {},
  { fd: 3 },
];

/** One of the places in a value, found by going down at random; undefined in an empty one. */
function somePlace(value: Json, random: Random): Place | undefined {
  const place: (string | number)[] = [];
  let inner = value;
  for (;;) {
    const keys = typeof inner === "object" && inner !== null ? Object.keys(inner) : [];
    if (keys.length === 0 || (place.length > 0 && random.below(6) === 0)) break;
    const key = random.pick(keys);
    place.push(Array.isArray(inner) ? Number(key) : key);
    inner = inner[key];
  }
  return place.length === 0 ? undefined : place;
}

/** Does one thing to a state. */
function damage(json: Json, random: Random): void {
  const place = somePlace(json, random);
  if (place === undefined) return;
  const holder = valueAt(json, place.slice(0, -1));
  const key = place[place.length - 1];
  const other = somePlace(json, random) ?? place;
  const actions: (() => void)[] = [
    () => delete holder[key],
    () => holder[key] = random.pick(fillers),
    () => holder[key] = structuredClone(valueAt(json, other)),
    () => holder[random.pick(["fd", "servers", "__proto__", "0", "more"])] = random.pick(fillers),
    () => Array.isArray(holder) ? holder.push(structuredClone(holder[0])) : delete holder[key],
    () => Array.isArray(holder) ? holder.splice(Number(key), 1) : holder[key] = [holder[key]],
  ];
  random.pick(actions)();
}

Deno.test(`decodeHandover takes or refuses ${RANDOM_DAMAGES} randomly damaged states`, () => {
  const random = new Random(SEED);
  const samples = fc.sample(ownState, { seed: SEED, numRuns: SAMPLES })
    .map((state) => encodeHandover(state));
  samples.push(...samples.map(() => JSON.stringify(libvirtState())));
  let taken = 0;
  for (let n = 0; n < RANDOM_DAMAGES; n++) {
    const json = JSON.parse(random.pick(samples));
    for (let left = 1 + random.small(4); left > 0; left--) damage(json, random);
    try {
      if (refusal(json) === undefined) taken++;
    } catch (error) {
      throw new Error(`seed ${SEED}, case ${n}: ${JSON.stringify(json)}`, { cause: error });
    }
  }
  assert(taken > RANDOM_DAMAGES / 50 && taken < RANDOM_DAMAGES / 2, `${taken} were taken`);
});

Deno.test(`parseHandover and decodeHandover take or refuse ${RANDOM_TEXTS} randomly damaged texts`, () => {
  const random = new Random(SEED);
  const text = JSON.stringify(fullState);
  for (let n = 0; n < RANDOM_TEXTS; n++) {
    const at = random.below(text.length);
    const until = at + random.small(40);
    const damaged = random.below(4) === 0
      ? text.slice(0, at)
      : text.slice(0, at) + String.fromCharCode(random.below(128)) + text.slice(until);
    let json: unknown;
    try {
      json = parseHandover(damaged);
    } catch (error) {
      assert(error instanceof HandoverError, damaged);
      continue;
    }
    refusal(json);
  }
});

Deno.test("decodeHandover refuses what is no object at all", () => {
  for (const json of [null, undefined, 1, "x", [], [libvirtState()], true]) {
    assertThrows(() => decodeHandover(json), HandoverError);
  }
});
