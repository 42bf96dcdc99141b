/** FIEMAP answers, damaged in every way, against a reading of them in whole numbers of any size. */
import { ExtentReader } from "../../daemons/dmfilemapd/fiemap.ts";
import { FuzzError, type FuzzTarget, hold } from "./target.ts";
import type { Random } from "./random.ts";

const HEADER_BYTES = 32;
const EXTENT_BYTES = 56;
const EXTENTS_MAX = 6;
const LAST = 1;
const UNKNOWN = 2;
const DELALLOC = 4;
const TELLING = [
  0n,
  1n,
  511n,
  512n,
  4096n,
  1n << 32n,
  (1n << 53n) - 1n,
  1n << 53n,
  1n << 62n,
  (1n << 64n) - 1n,
];
/** Below it, no sum of the reader's is rounded. */
const EXACT = 1n << 52n;

interface Expected {
  readonly extents: { start: bigint; length: bigint }[];
  unsettled: boolean;
  /** Undefined at the end. */
  next: bigint | undefined;
  /** Whether all numbers are such as no device or file has. */
  isHuge: boolean;
}

export class FiemapTarget implements FuzzTarget {
  readonly name = "FIEMAP answers";
  readonly tally = { ended: 0, goesOn: 0, unsettled: 0, huge: 0 };
  readonly #bytes = new Uint8Array(HEADER_BYTES + EXTENTS_MAX * EXTENT_BYTES + 64);
  #view = new DataView(this.#bytes.buffer);
  #from = 0;

  constructor(private readonly random: Random) {}

  step(): void {
    this.#make();
    const reader = new ExtentReader();
    const next = reader.take(this.#view, this.#from);
    const { extents, unsettled } = reader.map;
    hold(next === undefined || next > this.#from, "the reader does not advance");
    hold(extents.every(({ length }) => length > 0), "an extent is empty");
    const expected = this.#expect();
    this.tally[next === undefined ? "ended" : "goesOn"]++;
    if (unsettled) this.tally.unsettled++;
    hold(unsettled === expected.unsettled, `unsettled: ${unsettled}`);
    if (expected.isHuge) {
      this.tally.huge++;
      return;
    }
    hold(
      next === (expected.next === undefined ? undefined : Number(expected.next)),
      `next: ${next}`,
    );
    hold(same(extents, expected.extents), `extents: ${JSON.stringify(extents)}`);
  }

  describe(): string {
    const { buffer, byteOffset, byteLength } = this.#view;
    return `from ${this.#from}: ${new Uint8Array(buffer, byteOffset, byteLength).toHex()}`;
  }

  #make(): void {
    const { random } = this;
    const room = random.below(EXTENTS_MAX + 1);
    const bytes = HEADER_BYTES + room * EXTENT_BYTES +
      (random.below(8) === 0 ? random.below(64) : 0);
    this.#view = new DataView(this.#bytes.buffer, 0, bytes);
    this.#from = random.below(4) === 0 ? random.u32() : 0;
    const mapped = random.below(8) === 0 ? random.u32() : random.below(room + 2);
    this.#view.setUint32(20, mapped, true);
    this.#view.setUint32(24, random.below(8) === 0 ? random.u32() : room, true);
    let logical = BigInt(this.#from);
    let physical = BigInt(random.below(1 << 20)) << 9n;
    for (let i = 0; i < room; i++) {
      const length = BigInt(random.below(64)) << 9n;
      if (random.below(3) === 0) logical += BigInt(random.below(1 << 16));
      if (random.below(2) === 0) physical = BigInt(random.below(1 << 20)) << 9n;
      this.#put(i, [logical, physical, length], random.below(5) === 0 ? random.below(0x4000) : 0);
      logical += length;
      physical += length;
    }
    if (room > 0 && random.below(3) === 0) this.#damage(bytes);
  }

  #put(i: number, values: readonly bigint[], flags: number): void {
    const at = HEADER_BYTES + i * EXTENT_BYTES;
    values.forEach((value, field) => {
      const shown = this.random.below(40) === 0 ? this.random.pick(TELLING) : value;
      this.#view.setBigUint64(at + 8 * field, shown, true);
    });
    this.#view.setUint32(at + 40, flags, true);
  }

  #damage(bytes: number): void {
    for (let left = this.random.below(6); left > 0; left--) {
      this.#bytes[HEADER_BYTES + this.random.below(bytes - HEADER_BYTES)] = this.random.u32();
    }
  }

  #expect(): Expected {
    const view = this.#view;
    const room = Math.trunc((view.byteLength - HEADER_BYTES) / EXTENT_BYTES);
    const count = Math.min(view.getUint32(20, true), room);
    const expected: Expected = { extents: [], unsettled: false, next: undefined, isHuge: false };
    let end = BigInt(this.#from);
    for (let i = 0; i < count; i++) {
      const at = HEADER_BYTES + i * EXTENT_BYTES;
      const [logical, physical, length] = [0, 8, 16].map((offset) =>
        view.getBigUint64(at + offset, true)
      );
      const flags = view.getUint32(at + 40, true);
      if ([logical, physical, length].some((value) => value >= EXACT)) expected.isHuge = true;
      if ((flags & (UNKNOWN | DELALLOC)) !== 0) expected.unsettled = true;
      else expectExtent(expected, physical >> 9n, length >> 9n);
      if ((flags & LAST) !== 0) return expected;
      end = logical + length;
    }
    if (end > BigInt(this.#from)) expected.next = end;
    return expected;
  }
}

function expectExtent({ extents }: Expected, start: bigint, length: bigint): void {
  if (length === 0n) return;
  const last = extents.at(-1);
  if (last !== undefined && last.start + last.length === start) last.length += length;
  else extents.push({ start, length });
}

function same(
  extents: readonly { start: number; length: number }[],
  expected: Expected["extents"],
): boolean {
  if (extents.length !== expected.length) {
    throw new FuzzError(`${expected.length} extents expected`);
  }
  return extents.every(({ start, length }, i) =>
    BigInt(start) === expected[i].start && BigInt(length) === expected[i].length
  );
}
