/**
 * The frames of the corpus as the C daemon and its clients exchange them, kept in
 * tests/golden/virtlockd/lock_frames.txt: one line each, `>` to the daemon or `<` from it, the
 * bytes, and for a reader what they mean.
 */
import { describe } from "../client_describe.ts";
import * as frames from "../client_frames.ts";
import type { Sequence } from "./script.ts";

export const goldenFile = new URL("../../../golden/virtlockd/lock_frames.txt", import.meta.url);

/** Larger frames differ from smaller ones only in the length of a name. */
const LONGEST_GOLDEN_BYTES = 512;
const SERIAL_OFFSET = 20;

const HEADING = `# Frames between virtlockd of libvirt 9.0.0 and the clients of the corpus.
# Made by corpus_capture.ts; frames that differ only in their serial or in decimal digits are there once.
`;

/** Collects frames; the same sequences give the same text in whatever order they run. */
export class GoldenFrames {
  readonly #lines = new Map<string, string>();

  /** Bytes that are not exactly one frame of some length are left out. */
  add(direction: ">" | "<", bytes: Uint8Array): void {
    if (!isWholeFrame(bytes) || bytes.length > LONGEST_GOLDEN_BYTES) return;
    const words = direction === "<" ? describe(bytes) : describeCall(frames.decodeHeader(bytes));
    const line = `${direction} ${frames.toHex(bytes)}  # ${words}`;
    const key = `${direction} ${frames.toHex(alike(bytes))}`;
    const other = this.#lines.get(key);
    if (other === undefined || line < other) this.#lines.set(key, line);
  }

  /** What the steps of a sequence send; frames that hold a pid of the moment are left out. */
  addCalls({ steps }: Sequence): void {
    for (const step of steps) {
      const sends = step.kind === "call" || step.kind === "send";
      if (sends && step.bytes instanceof Uint8Array) this.add(">", step.bytes);
    }
  }

  text(): string {
    return HEADING + [...this.#lines.values()].sort().join("\n") + "\n";
  }
}

function isWholeFrame(bytes: Uint8Array): boolean {
  if (bytes.length < frames.LENGTH_BYTES + frames.HEADER_BYTES) return false;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) === bytes.length;
}

/** Equal for frames that teach the same: a serial and the number of a disk do not matter. */
function alike(bytes: Uint8Array): Uint8Array {
  const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
  const payload = frames.LENGTH_BYTES + frames.HEADER_BYTES;
  const copy = bytes.map((byte, at) => at >= payload && isDigit(byte) ? 0x30 : byte);
  return copy.fill(0, SERIAL_OFFSET, SERIAL_OFFSET + 4);
}

function describeCall(
  { program, version, procedure, type, serial, status }: frames.Header,
): string {
  const name = program === frames.Program.lock && version === 1
    ? frames.lockProcedures[procedure - 1]
    : undefined;
  const words = name ?? `program ${program} version ${version} procedure ${procedure}`;
  const odd = (type > 0 ? ` type ${type}` : "") + (status > 0 ? ` status ${status}` : "");
  return `${words} #${serial}${odd}`;
}
