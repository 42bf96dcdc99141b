/** The decoder of the lock program against damaged frames. What must hold for each is in lock_oracle.ts. */
import { assert, assertEquals } from "@std/assert";
import { toHex } from "../native/virtlockd/client_frames.ts";
import { LockCases } from "./lock_cases.ts";
import { largeFrames, seenFrames, smallFrames } from "./lock_frames.ts";
import { LockOracle, type Tally } from "./lock_oracle.ts";

const SEED = 20_230_116;
const RANDOM_CASES = 1_000_000;
/** Frames up to this size are damaged everywhere, larger ones at both ends and here and there between them. */
const SMALL_BYTES = 100;
const EDGE_BYTES = 40;
const STRIDE_BYTES = 16_381;
const LONGEST_EXTENSION_BYTES = 300;

const goldenFrames = Object.entries({ ...smallFrames, ...largeFrames });

/** Checks a frame; what fails says which. */
function check(oracle: LockOracle, bytes: Uint8Array, length: number, what: string): void {
  try {
    oracle.check(bytes, length);
  } catch (error) {
    const frame = toHex(bytes.subarray(0, Math.min(length, 4096)));
    throw new Error(`${what}, frame of ${length} bytes ${frame}`, { cause: error });
  }
}

function flip(frame: Uint8Array, bit: number): void {
  frame[bit >> 3] ^= 1 << (bit & 7);
}

/** The offsets at which a frame is damaged. */
function damagedBytes(frame: Uint8Array): number[] {
  return Array.from(frame.keys()).filter((at) =>
    frame.length <= SMALL_BYTES || at < EDGE_BYTES || frame.length - at <= EDGE_BYTES ||
    at % STRIDE_BYTES === 0
  );
}

/** The run has seen each ending often enough to mean something. */
function assertMixed({ unknown, refused, decoded }: Tally, least: number): void {
  assert(
    Math.min(unknown, refused, decoded) >= least,
    JSON.stringify({ unknown, refused, decoded }),
  );
}

Deno.test("the frames that damage starts from are those seen on a C daemon's socket", () => {
  for (const [name, hex] of Object.entries(seenFrames)) assertEquals(toHex(smallFrames[name]), hex);
});

Deno.test("decodeLockCall takes every golden frame as it stands", () => {
  const oracle = new LockOracle();
  for (const [name, frame] of goldenFrames) check(oracle, frame, frame.length, name);
  assertEquals(oracle.tally.decoded, goldenFrames.length);
});

Deno.test("decodeLockCall takes or refuses every golden frame with one bit flipped", () => {
  const oracle = new LockOracle();
  for (const [name, golden] of goldenFrames) {
    const frame = golden.slice();
    const bits = damagedBytes(frame).flatMap((at) =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((i) => 8 * at + i)
    );
    for (const bit of bits) {
      flip(frame, bit);
      check(oracle, frame, frame.length, `${name}, bit ${bit} flipped`);
      flip(frame, bit);
    }
  }
  assertMixed(oracle.tally, 100);
});

Deno.test("decodeLockCall takes or refuses every small golden frame with two bits flipped", () => {
  const oracle = new LockOracle();
  for (const [name, golden] of Object.entries(smallFrames)) {
    const frame = golden.slice();
    for (let one = 1; one < frame.length * 8; one++) {
      flip(frame, one);
      for (let other = 0; other < one; other++) {
        flip(frame, other);
        check(oracle, frame, frame.length, `${name}, bits ${other} and ${one} flipped`);
        flip(frame, other);
      }
      flip(frame, one);
    }
  }
  assertMixed(oracle.tally, 10_000);
  assert(oracle.tally.frames > 500_000, String(oracle.tally.frames));
});

Deno.test("decodeLockCall takes or refuses every golden frame cut short", () => {
  const oracle = new LockOracle();
  for (const [name, frame] of goldenFrames) {
    for (const length of damagedBytes(frame)) {
      check(oracle, frame, length, `${name}, cut to ${length} bytes`);
    }
  }
  assertEquals(oracle.tally.decoded, 0);
});

Deno.test("decodeLockCall takes every golden frame made longer", () => {
  const oracle = new LockOracle();
  for (const [name, golden] of goldenFrames) {
    const step = golden.length <= SMALL_BYTES ? 1 : 50;
    for (let extra = 1; extra <= LONGEST_EXTENSION_BYTES; extra += step) {
      const frame = new Uint8Array(golden.length + extra).fill(extra);
      frame.set(golden);
      check(oracle, frame, frame.length, `${name}, with ${extra} bytes behind it`);
    }
  }
  assertEquals(oracle.tally.decoded, oracle.tally.frames);
});

Deno.test(`decodeLockCall takes or refuses ${RANDOM_CASES} random frames`, () => {
  const oracle = new LockOracle();
  const cases = new LockCases(SEED);
  for (let n = 0; n < RANDOM_CASES; n++) {
    cases.next();
    check(oracle, cases.bytes, cases.length, `seed ${SEED}, case ${n}`);
  }
  assertMixed(oracle.tally, RANDOM_CASES / 50);
});
