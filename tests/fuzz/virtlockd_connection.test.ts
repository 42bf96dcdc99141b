/** A connection of virtlockd fed with random frames, sound and damaged: how they are cut into pieces must not matter. */
import "../bind_libc.ts";
import { assert, assertEquals } from "@std/assert";
import { LOCK_FRAME_KEEP_BYTES } from "../../daemons/virtlockd/lock_protocol.ts";
import type { CloseReason } from "../../src/host/stream.ts";
import { Rig, type SeenCall } from "../daemons/virtlockd/effects/connection_rig.ts";
import { concat, ping, toHex, u32 } from "../native/virtlockd/client_frames.ts";
import { LockCases } from "./lock_cases.ts";
import { Random } from "./random.ts";

const SEED = 20_230_116;
const STREAMS = 5_000;
const LONGEST_STREAM_FRAMES = 12;
/** Large frames make no difference here that the tests of Connection do not try. */
const LONGEST_FRAME_BYTES = 2_000;

const FIRST_TYPE_OFFSET = 16;
const TYPES = [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 255];

/** What came of a stream. */
interface Ending {
  readonly sent: string;
  readonly calls: readonly SeenCall[];
  readonly closedFor: CloseReason | undefined;
}

/** A random frame, mostly with the length word that it should have. */
function someFrame(random: Random, cases: LockCases): Uint8Array {
  if (random.below(8) === 0) return ping;
  do cases.next(); while (cases.length > LONGEST_FRAME_BYTES);
  const frame = cases.bytes.slice(0, cases.length);
  const isSound = frame.length >= 28 && random.below(10) !== 0;
  if (isSound) frame.set(u32(frame.length));
  if (isSound) frame.set(u32(random.pick(TYPES)), FIRST_TYPE_OFFSET);
  return frame;
}

function someStream(random: Random, cases: LockCases): Uint8Array {
  const count = 1 + random.below(LONGEST_STREAM_FRAMES);
  return concat(...Array.from({ length: count }, () => someFrame(random, cases)));
}

function ending({ program }: Rig, sent: Uint8Array): Ending {
  return { sent: toHex(sent), calls: program.calls, closedFor: program.closedFor };
}

function runWhole(stream: Uint8Array): Ending {
  using rig = new Rig();
  return ending(rig, rig.exchange(stream));
}

/** Sends the stream in random pieces, and now and then lets another Connection take over. */
function runInPieces(stream: Uint8Array, random: Random): Ending {
  using rig = new Rig();
  const sent: Uint8Array[] = [];
  for (let at = 0; at < stream.length && rig.program.closedFor === undefined;) {
    const end = Math.min(stream.length, at + 1 + random.small(80));
    sent.push(rig.exchange(stream.subarray(at, end)));
    at = end;
    const { stream: { heldInput }, aside } = rig.connection;
    assert(heldInput.length + (aside?.bytes.length ?? 0) <= LOCK_FRAME_KEEP_BYTES + 16_384);
    if (rig.program.closedFor === undefined && random.below(8) === 0) rig.succeed();
  }
  return ending(rig, concat(...sent));
}

Deno.test("Connection gives the same answers however a stream is cut, and across a re-exec", () => {
  const random = new Random(SEED);
  const cases = new LockCases(SEED);
  const reasons = new Map<string, number>();
  for (let n = 0; n < STREAMS; n++) {
    const stream = someStream(random, cases);
    const whole = runWhole(stream);
    assertEquals(runInPieces(stream, random), whole, `seed ${SEED}, stream ${n}: ${toHex(stream)}`);
    const reason = whole.closedFor ?? "open";
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  assertEquals([...reasons.keys()].sort(), ["open", "protocol error"]);
  assert(Math.min(...reasons.values()) > STREAMS / 10, JSON.stringify([...reasons]));
});
