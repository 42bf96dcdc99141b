/** What is remembered: from when a path worked, and over the daemon's end. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { newPath, type PathState } from "../../../daemons/mdmpd/machine_state.ts";
import {
  arrayMemory,
  decodeMemory,
  encodeMemory,
  forgetNameless,
  knownOf,
  type Memory,
  rememberLearned,
  rememberOut,
  rememberPath,
} from "../../../daemons/mdmpd/memory.ts";

const hardware = { sectors: 100, readOnly: false, names: ["wwid:1"] };
const nameless = { ...hardware, names: [] };
const seen = { hardware, device: "8:0", diskSequence: 7 };

function memoryOf(...names: string[]): Memory {
  const memory: Memory = new Map();
  for (const name of names) rememberPath(arrayMemory(memory, "u"), name, seen);
  return memory;
}

Deno.test("a path's hardware stays what it was at first sight while its device is the same", () => {
  const array = arrayMemory(memoryOf("a"), "u");
  rememberPath(array, "a", { ...seen, hardware: { ...hardware, names: ["wwid:2"] } });
  assertEquals(knownOf(array, "a", true)?.hardware.names, ["wwid:1"]);
});

Deno.test("another disk under the name is another path", () => {
  for (const change of [{ device: "8:16" }, { diskSequence: 8 }]) {
    const array = arrayMemory(memoryOf("a"), "u");
    rememberLearned(array, [{ name: "a", deviceUuid: "d", role: 0, events: 5 }], false);
    rememberPath(array, "a", { ...seen, ...change, hardware: { ...hardware, sectors: 9 } });
    const known = knownOf(array, "a", false);
    assertEquals([known?.hardware.sectors, known?.deviceUuid], [9, undefined]);
  }
});

Deno.test("a nameless path may get a name, if its size is the same", () => {
  const named = (sectors: number): readonly string[] | undefined => {
    const memory: Memory = new Map();
    const array = arrayMemory(memory, "u");
    rememberPath(array, "a", { ...seen, hardware: nameless });
    rememberPath(array, "a", { ...seen, hardware: { ...hardware, sectors } });
    return knownOf(array, "a", true)?.hardware.names;
  };
  assertEquals([named(100), named(101)], [["wwid:1"], []]);
});

Deno.test("a path that works again has no fault any more", () => {
  const array = arrayMemory(memoryOf("a"), "u");
  const path = array.paths.get("a");
  if (path !== undefined) path.faultSeen = true;
  rememberPath(array, "a", seen);
  assertEquals(array.paths.get("a")?.faultSeen, false);
});

Deno.test("all paths of a multipath array have the one device's uuid, members each their own", () => {
  const array = arrayMemory(memoryOf("a", "b"), "u");
  rememberLearned(array, [{ name: "a", deviceUuid: "d", role: 1, events: 5 }], false);
  assertEquals(knownOf(array, "b", true)?.deviceUuid, "d");
  assertEquals(knownOf(array, "b", false)?.deviceUuid, undefined);
  assertEquals([knownOf(array, "a", true)?.role, knownOf(array, "a", false)?.role], [undefined, 1]);
  assertEquals([knownOf(array, "c", true), knownOf(undefined, "a", true)], [undefined, undefined]);
});

Deno.test("all paths of a multipath array have the uuid that was read last, whichever showed it", () => {
  const array = arrayMemory(memoryOf("a", "b"), "u");
  const uuids = (): unknown[] => ["a", "b"].map((name) => knownOf(array, name, true)?.deviceUuid);
  rememberLearned(array, [{ name: "b", deviceUuid: "added", role: 0, events: 5 }], true);
  rememberLearned(array, [{ name: "a", deviceUuid: "first", role: 0, events: 6 }], true);
  assertEquals(uuids(), ["first", "first"]);
});

Deno.test("the count of events that is remembered never goes back", () => {
  const array = arrayMemory(memoryOf("a"), "u");
  for (const events of [5, 9, 7]) {
    rememberLearned(array, [{ name: "a", deviceUuid: undefined, role: undefined, events }], false);
  }
  assertEquals(array.lastEvents, 9);
});

const anyMemory: fc.Arbitrary<Memory> = fc.dictionary(
  // Valibot takes no key that could be a prototype's; a uuid is none.
  fc.string({ minLength: 1 }).filter((key) => !/^(__proto__|prototype|constructor)$/.test(key)),
  fc.record({
    lastEvents: fc.option(fc.nat(), { nil: undefined }),
    path: fc.record({
      hardware: fc.record({
        sectors: fc.nat(),
        readOnly: fc.boolean(),
        names: fc.array(fc.string()),
      }),
      deviceUuid: fc.option(fc.string(), { nil: undefined }),
      role: fc.option(fc.nat(), { nil: undefined }),
      device: fc.string(),
      diskSequence: fc.option(fc.nat(), { nil: undefined }),
      faultSeen: fc.boolean(),
      awaited: fc.boolean(),
    }),
  }),
).map((arrays) =>
  new Map(
    Object.entries(arrays).map(([uuid, { lastEvents, path }]) => [
      uuid,
      { lastEvents, paths: new Map([["p", path]]) },
    ]),
  )
);

Deno.test("decodeMemory gives back what encodeMemory wrote", () => {
  fc.assert(
    fc.property(anyMemory, (memory) => {
      assertEquals(decodeMemory(encodeMemory(memory)), memory);
    }),
    { seed: 5_1, numRuns: 300 },
  );
});

Deno.test("decodeMemory refuses what is damaged", () => {
  const whole = encodeMemory(memoryOf("a"));
  const damaged = ["", "{}", whole.slice(0, -3), whole.replace('"version":1', '"version":2')];
  for (const text of [...damaged, whole.replace('"sectors":100', '"sectors":"x"')]) {
    assertThrows(() => decodeMemory(text));
  }
});

Deno.test("decodeMemory takes a file that does not say which paths were awaited for one of none", () => {
  const text = encodeMemory(memoryOf("a"));
  const older = text.replace(',"awaited":false', "");
  assertEquals([older.length < text.length, decodeMemory(older)], [true, decodeMemory(text)]);
});

Deno.test("rememberOut keeps the faults of paths that are out, and which the array may not list", () => {
  const states = new Map<string, Partial<PathState>>([
    ...[["held", { phase: "held" }], ["dead", { faultSeen: true }], ["lost", { lost: true }]],
    ...[["half", { unbound: true }], ["restoring", { phase: "restoring" }]],
    ["active", { phase: "active" }],
  ] as [string, Partial<PathState>][]);
  const array = arrayMemory(memoryOf(...states.keys(), "removed"), "u");
  for (const path of array.paths.values()) path.faultSeen = path.awaited = true;
  const stateOf = (name: string): PathState => ({
    ...newPath(name, "faulty", 0),
    ...states.get(name),
  });
  rememberOut(array, new Map([...states.keys()].map((name) => [name, stateOf(name)])));
  const namesOf = (key: "faultSeen" | "awaited"): string[] =>
    [...array.paths].filter(([, path]) => path[key]).map(([name]) => name);
  assertEquals(namesOf("faultSeen"), ["dead"]);
  assertEquals(namesOf("awaited"), ["lost", "half", "restoring"]);
});

Deno.test("forgetNameless forgets what had a name only and has gone", () => {
  const uuid = "0".repeat(32);
  const memory: Memory = new Map();
  for (const key of [uuid, "of md0", "of md1"]) arrayMemory(memory, key);
  forgetNameless(memory, new Set(["of md1"]));
  assertEquals([...memory.keys()], [uuid, "of md1"]);
});
