/** Random frames for the lock program: whole ones, damaged ones, nonsense. The same seed gives the same frames. */
import { largeFrames, smallFrames } from "./lock_frames.ts";
import { CAPACITY_BYTES } from "./lock_oracle.ts";
import { Random } from "./random.ts";

const HEADER_BYTES = 28;
const PROCEDURE = 12;
/** The largest frame that chance makes by adding to another one. */
const GROWTH_BYTES = 256;
/** One frame in so many is made of the large ones. */
const LARGE_ONE_IN = 2_000;

/** Numbers at which lengths, counts and flags change their meaning. */
const TELLING = [
  0,
  1,
  2,
  3,
  4,
  5,
  0xff,
  0x100,
  65_535,
  65_536,
  65_537,
  0x7fff_ffff,
  0x8000_0000,
  0xffff_fffc,
  0xffff_fffd,
  0xffff_ffff,
];

export class LockCases {
  /** The frame that next() made is in the first `length` bytes. */
  readonly bytes = new Uint8Array(CAPACITY_BYTES);
  length = 0;
  readonly #view = new DataView(this.bytes.buffer);
  readonly #random: Random;
  readonly #small = Object.values(smallFrames);
  readonly #large = Object.values(largeFrames);
  readonly #damages: readonly (() => void)[] = [
    () => this.#flipBit(),
    () => this.#setByte(),
    () => this.#setWord(),
    () => this.#cut(),
    () => this.#extend(),
    () => this.#splice(),
    () => this.#remove(),
    () => this.#otherProcedure(),
  ];

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  /** Makes the next frame. */
  next(): void {
    if (this.#random.below(16) === 0) return this.#nonsense();
    const kind = this.#random.below(LARGE_ONE_IN) === 0 ? this.#large : this.#small;
    this.#take(this.#random.pick(kind));
    for (let left = this.#random.small(8); left > 0; left--) this.#random.pick(this.#damages)();
  }

  #take(frame: Uint8Array): void {
    this.bytes.set(frame);
    this.length = frame.length;
  }

  /** A procedure and random bytes. */
  #nonsense(): void {
    this.length = HEADER_BYTES + this.#random.small(128);
    for (let at = 0; at < this.length; at++) this.bytes[at] = this.#random.u32();
    this.#otherProcedure();
  }

  #flipBit(): void {
    if (this.length > 0) this.bytes[this.#random.below(this.length)] ^= 1 << this.#random.below(8);
  }

  #setByte(): void {
    if (this.length > 0) this.bytes[this.#random.below(this.length)] = this.#random.u32();
  }

  /** Puts a telling number where a word stands. */
  #setWord(): void {
    if (this.length < 4) return;
    const at = 4 * this.#random.below(this.length >> 2);
    const remaining = this.length - at - 4;
    const value = this.#random.below(4) === 0
      ? remaining - 2 + this.#random.below(5)
      : this.#random.pick(TELLING);
    this.#view.setUint32(at, value);
  }

  #cut(): void {
    this.length = this.#random.below(this.length + 1);
  }

  #extend(): void {
    const more = Math.min(this.#random.small(GROWTH_BYTES), CAPACITY_BYTES - this.length);
    for (let left = more; left > 0; left--) this.bytes[this.length++] = this.#random.u32();
  }

  /** The end of another frame instead of this one's. */
  #splice(): void {
    const other = this.#random.pick(this.#small);
    const from = this.#random.below(other.length);
    const at = Math.min(this.#random.below(this.length + 1), CAPACITY_BYTES - other.length);
    this.bytes.set(other.subarray(from), at);
    this.length = at + other.length - from;
  }

  /** Takes some bytes out of the middle. */
  #remove(): void {
    const from = this.#random.below(this.length + 1);
    const count = Math.min(this.#random.small(16), this.length - from);
    this.bytes.copyWithin(from, from + count, this.length);
    this.length -= count;
  }

  #otherProcedure(): void {
    if (this.length >= HEADER_BYTES) this.#view.setUint32(PROCEDURE, this.#random.below(10));
  }
}
