/** The admin program against damaged calls: every golden call with one or two bits flipped, cut short, or made longer. */
import { assert } from "@std/assert";
import type { AdminAnswer } from "../../../daemons/virtlockd/admin.ts";
import { ENTRIES } from "../../../daemons/virtlockd/admin_handlers.ts";
import type { Codec } from "../../../daemons/virtlockd/xdr_codec.ts";
import { FRAME_MIN_BYTES } from "../../../src/wire/rpc.ts";
import { XdrError, XdrReader, XdrWriter } from "../../../src/wire/xdr.ts";
import { goldenPath, goldenStories } from "../../native/virtlockd/admin_golden.ts";
import { parseTranscript } from "../../native/virtlockd/admin_transcript.ts";
import { fromHex, Program, sameBytes, toHex } from "../../native/virtlockd/client_frames.ts";
import { Answerer, somebody } from "./admin_replay.ts";
import { FakeTarget } from "./fake_admin_target.ts";

/** Offsets of the words of a frame that answerAdmin() looks at: the procedure, then the payload. */
const PROCEDURE = 12;
const STATUS = 24;
/** Calls up to this size, which most are, get every pair of flips: 73,920 for the largest. */
const SMALL_BYTES = 72;
/** Pairs of flips tried in a larger call. */
const SAMPLED_PAIRS = 20_000;
const SEED = 20_230_116;

/** Takes every log setting: their grammar is not the subject here. */
class Target extends FakeTarget {
  override setLogOutputs(): undefined {}
  override setLogFilters(): undefined {}
}

const answerer = new Answerer();
let target = new Target();

/** A daemon with two clients of each kind; calls may change it until the next one. */
function freshTarget(): void {
  target = new Target();
  for (const server of [target.admin, target.virtlockd]) {
    server.connect(1, somebody);
    server.connect(1, somebody).madeCall = true;
  }
}

/** Every call of the golden transcripts, once. */
function goldenCalls(): Uint8Array<ArrayBuffer>[] {
  const calls = new Set<string>();
  for (const story of goldenStories) {
    for (const line of parseTranscript(Deno.readTextFileSync(goldenPath(story)))) {
      if (line.kind !== ">") continue;
      const { buffer } = line.bytes;
      if (new DataView(buffer).getUint32(4) === Program.admin) calls.add(toHex(line.bytes));
    }
  }
  return [...calls].map((hex) => Uint8Array.from(fromHex(hex)));
}

/** Any caller that is still there, for a call may close the one before. */
function answer(frame: Uint8Array): AdminAnswer {
  if (target.admin.clients.size === 0) freshTarget();
  const [caller] = target.admin.clients.values();
  const result = answerer.answer(frame, target, caller);
  assert(result === "close" || isReply(frame));
  return result;
}

/** Whether the writer holds a frame that answers this call. */
function isReply(call: Uint8Array): boolean {
  const { bytes, view, length } = answerer.writer;
  const status = view.getUint32(STATUS);
  return view.getUint32(0) === length && view.getUint32(16) === 1 && status <= 1 &&
    view.getInt32(PROCEDURE) === new DataView(call.buffer).getInt32(PROCEDURE) &&
    length % 4 === 0 && length <= bytes.length;
}

/** The bits of a frame that are flipped, as byte × 8 + bit. */
function flippableBits(frame: Uint8Array): number[] {
  const bits: number[] = [];
  for (let byte = PROCEDURE; byte < frame.length; byte++) {
    if (byte >= PROCEDURE + 4 && byte < FRAME_MIN_BYTES) continue;
    for (let bit = 0; bit < 8; bit++) bits.push(byte * 8 + bit);
  }
  return bits;
}

function flip(frame: Uint8Array, bit: number): void {
  frame[bit >> 3] ^= 1 << (bit & 7);
}

/** Numbers from 0 to `below`, always the same ones (xorshift32). */
function* numbers(below: number): Generator<number, never> {
  let state = SEED;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield (state >>> 0) % below;
  }
}

function* pairs(bits: readonly number[], isSmall: boolean): Generator<readonly [number, number]> {
  if (isSmall) {
    for (let i = 0; i < bits.length; i++) {
      for (let j = i + 1; j < bits.length; j++) yield [bits[i], bits[j]];
    }
    return;
  }
  const random = numbers(bits.length);
  for (let n = 0; n < SAMPLED_PAIRS; n++) {
    yield [bits[random.next().value], bits[random.next().value]];
  }
}

Deno.test("answerAdmin() answers every golden call with one bit flipped", () => {
  freshTarget();
  for (const frame of goldenCalls()) {
    for (const bit of flippableBits(frame)) {
      flip(frame, bit);
      if (answer(frame) !== "close") checkResult();
      flip(frame, bit);
    }
  }
});

Deno.test("answerAdmin() answers every golden call with two bits flipped", () => {
  let count = 0;
  for (const frame of goldenCalls()) {
    freshTarget();
    for (const [one, other] of pairs(flippableBits(frame), frame.length <= SMALL_BYTES)) {
      flip(frame, one);
      flip(frame, other);
      answer(frame);
      flip(frame, one);
      flip(frame, other);
      count++;
    }
  }
  assert(count > 1_000_000, `${count} cases, seed ${SEED}`);
});

Deno.test("answerAdmin() answers every golden call that is cut short or made longer", () => {
  freshTarget();
  for (const frame of goldenCalls()) {
    for (let length = FRAME_MIN_BYTES; length < frame.length; length++) {
      answer(frame.slice(0, length));
    }
    for (let extra = 1; extra <= 64; extra++) {
      const longer = new Uint8Array(frame.length + extra).fill(extra);
      longer.set(frame);
      answer(longer);
    }
  }
});

const reader = new XdrReader();
const writer = new XdrWriter(64);

function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  reader.reset(bytes, view, 0, bytes.length);
  return codec.decode(reader);
}

function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  writer.reset();
  codec.encode(writer, value);
  return writer.copy();
}

/** The result in the writer of the answerer reads as one, and is written the same way. */
function checkResult(): void {
  const frame = answerer.writer.copy();
  const view = new DataView(frame.buffer);
  if (view.getUint32(STATUS) !== 0) return;
  const entry = ENTRIES[view.getInt32(PROCEDURE) - 1];
  const payload = frame.slice(FRAME_MIN_BYTES);
  const { result } = entry.procedure;
  assert(sameBytes(encode(result, decode(result, payload)), payload), toHex(frame));
}

/** Arguments that were read once are read the same way from what they are written as. */
function checkArguments(frame: Uint8Array): void {
  const entry = ENTRIES[new DataView(frame.buffer).getInt32(PROCEDURE) - 1];
  if (entry === undefined) return;
  const { args } = entry.procedure;
  try {
    const once = encode(args, decode(args, frame.slice(FRAME_MIN_BYTES)));
    assert(sameBytes(encode(args, decode(args, once)), once), toHex(frame));
  } catch (error) {
    if (!(error instanceof XdrError)) throw error;
  }
}

Deno.test("the codecs of arguments encode what they decode, from golden calls and with one bit flipped", () => {
  for (const frame of goldenCalls()) {
    checkArguments(frame);
    for (const bit of flippableBits(frame)) {
      flip(frame, bit);
      checkArguments(frame);
      flip(frame, bit);
    }
  }
});
