import { assertEquals, assertThrows } from "@std/assert";
import {
  environmentOf,
  jsonOf,
  type Notification,
} from "../../../daemons/cmannotifyd/notification.ts";
import {
  decodeDown,
  decodeUp,
  type Down,
  encodeMessage,
  encodeRun,
  type RunRequest,
  type Up,
} from "../../../daemons/cmannotifyd/runner_protocol.ts";
import { Random } from "../../fuzz/random.ts";
import { SETTINGS } from "./runner_settings.ts";

const down: Down[] = [
  SETTINGS,
  { type: "run", sequence: 1, reason: "STATECHANGE", environment: [["A", "1"]], input: null },
];
const up: Up[] = [
  { type: "started", sequence: 1, script: "/d/a", pid: 2 },
  { type: "ended", sequence: 1, script: "/d/a", how: "exit 0", ranMs: 3, timedOut: false },
  { type: "done", sequence: 1, scripts: 1 },
  { type: "note", level: "warn", text: "t" },
];

Deno.test("messages come out as they went in", () => {
  for (const message of down) assertEquals(decodeDown(encodeMessage(message)), message);
  for (const message of up) assertEquals(decodeUp(encodeMessage(message)), message);
});

Deno.test("each side refuses what only the other says", () => {
  assertEquals(up.map((message) => decodeDown(encodeMessage(message))), up.map(() => undefined));
  assertEquals(down.map((message) => decodeUp(encodeMessage(message))), down.map(() => undefined));
});

Deno.test("decodeDown and decodeUp survive any bytes", () => {
  const seed = 5_3;
  const random = new Random(seed);
  const messages = [...down, ...up].map(encodeMessage);
  let refused = 0;
  for (let i = 0; i < 20_000; i++) {
    const bytes = random.pick(messages).slice();
    for (let n = 0; n <= random.below(4); n++) bytes[random.below(bytes.length)] = random.u32();
    const cut = bytes.subarray(0, bytes.length - random.small(bytes.length));
    const results = [decodeDown(cut), decodeUp(cut)].filter((one) => one !== undefined);
    if (results.length === 0) refused++;
    assertEquals(results.length < 2, true, `seed ${seed}, message ${i}`);
  }
  assertEquals(refused > 1_000 && refused < 20_000, true, String(refused));
});

Deno.test("encodeMessage refuses what the other side could not take", () => {
  const note: Up = { type: "note", level: "info", text: "x".repeat(200_000) };
  assertThrows(() => encodeMessage(note), RangeError, "message of 200");
});

/** All nodes have come and gone, as after a standstill of this one. */
function toldOf(nodes: number, nameLength: number): RunRequest {
  const ids = Array.from({ length: nodes }, (_, i) => i + 1);
  const names = new Map(ids.map((id) => [id, String(id).padStart(nameLength, "n")]));
  const facts = { nodeId: 1, clusterName: "c", names };
  const details = { initial: false, quorate: true, ring: "1.1", merged: 0, timeMs: 0 };
  const lists = { members: ids, joined: ids.slice(1), left: ids.slice(1) };
  const reason = "STATECHANGE";
  const notification: Notification = { reason, sequence: 1, ...details, ...lists };
  const environment = environmentOf(notification, facts, { debug: false, extraVariables: true });
  return { type: "run", sequence: 1, reason, environment, input: jsonOf(notification, facts) };
}

Deno.test("a Run of the largest cluster goes without JSON when that is too long, and with all else", () => {
  const short = toldOf(384, 40);
  const { bytes, hasInput } = encodeRun(short);
  assertEquals([hasInput, decodeDown(bytes)], [true, short]);
  const long = toldOf(384, 120);
  assertThrows(() => encodeMessage(long), RangeError);
  const cut = encodeRun(long);
  assertEquals([cut.hasInput, decodeDown(cut.bytes)], [false, { ...long, input: "" }]);
});
