/**
 * A bitmap of regions as it goes over the wire and to the disk: bit i is bit (i mod 8) of byte i/8. It has the original's
 * length, 4·(floor(bits/32)+1) bytes, so a spare word where `bits` is a multiple of 32 (dm_bitset of libdevmapper).
 */

/** The bytes of a bitmap in memory and in a checkpoint. */
export function bitmapBytes(bits: number): number {
  return 4 * (Math.floor(bits / 32) + 1);
}

/** The bytes of a bitmap on disk. */
export function packedBytes(bits: number): number {
  return Math.ceil(bits / 8);
}

export class Bitmap {
  readonly bytes: Uint8Array;
  /** The same memory in words: little-endian hosts only, as all that Deno runs on. */
  readonly words: Uint32Array;
  /** How many of the first `bits` bits are set. */
  count = 0;
  /** All bits of the words before this one are set: what is in sync is not looked through again. */
  #whole = 0;

  /** `storage` is of bitmapBytes(bits) bytes and begins on a word; what it holds is kept. */
  constructor(readonly bits: number, storage: Uint8Array = new Uint8Array(bitmapBytes(bits))) {
    this.bytes = storage;
    this.words = new Uint32Array(storage.buffer, storage.byteOffset, storage.length / 4);
    this.recount();
  }

  has(bit: number): boolean {
    return (this.words[bit >>> 5] >>> (bit & 31) & 1) === 1;
  }

  /** Sets a bit; true when it was not set. */
  set(bit: number): boolean {
    if (this.has(bit)) return false;
    this.words[bit >>> 5] |= 1 << (bit & 31);
    this.count++;
    return true;
  }

  /** Clears a bit; true when it was set. */
  clear(bit: number): boolean {
    if (!this.has(bit)) return false;
    this.words[bit >>> 5] &= ~(1 << (bit & 31));
    this.#whole = Math.min(this.#whole, bit >>> 5);
    this.count--;
    return true;
  }

  /** Sets all, bits behind the last one too: what the original's `nosync` does. */
  fill(): void {
    this.words.fill(0xffff_ffff);
    this.count = this.bits;
  }

  empty(): void {
    this.words.fill(0);
    this.count = 0;
    this.#whole = 0;
  }

  /** Sets bits [from, bits) or clears them. */
  setFrom(from: number, value: boolean): void {
    for (let bit = from; bit < this.bits; bit++) {
      if (value) this.set(bit);
      else this.clear(bit);
    }
  }

  /** Clears what stands behind the last bit, up to a multiple of 32. The spare word is left, as the original does. */
  clearTail(): void {
    if (this.bits % 32 !== 0) this.words[this.bits >>> 5] &= (1 << (this.bits & 31)) - 1;
    this.recount();
  }

  /** Takes the bits of another map or of a message. */
  copy(from: Uint8Array): void {
    this.bytes.set(from.subarray(0, this.bytes.length));
    this.recount();
  }

  /** Keeps the bits that are set in `from` too. */
  intersect(from: Uint8Array): void {
    for (let i = 0; i < this.bytes.length; i++) this.bytes[i] &= from[i];
    this.recount();
  }

  /** Clears the bits that are set in `from`. */
  subtract(from: Uint8Array): void {
    for (let i = 0; i < this.bytes.length; i++) this.bytes[i] &= ~from[i];
    this.recount();
  }

  /** The first clear bit from `start` on, or `bits` where there is none. */
  nextClear(start: number): number {
    const first = start >>> 5;
    let index = Math.max(first, this.#whole);
    let free = ~this.words[index] & (index === first ? -1 << (start & 31) : -1);
    while (free === 0 && ++index < this.words.length) free = ~this.words[index];
    if (start <= 32 * this.#whole) this.#whole = Math.min(index, this.bits >>> 5);
    if (free === 0) return this.bits;
    return Math.min(this.bits, 32 * index + 31 - Math.clz32(free & -free));
  }

  /** All set bits, those behind the last one too: what the original takes for the count. */
  countAll(): number {
    return this.#countWords(this.words.length);
  }

  /** The set bits, lowest first. */
  members(): number[] {
    const list: number[] = [];
    for (let bit = 0; bit < this.bits; bit++) if (this.has(bit)) list.push(bit);
    return list;
  }

  /** After the bytes were written by others: counts anew. */
  recount(): void {
    this.#whole = 0;
    const whole = this.bits >>> 5;
    const rest = this.words[whole] & ((1 << (this.bits & 31)) - 1);
    this.count = this.#countWords(whole) + ones(rest);
  }

  #countWords(end: number): number {
    let count = 0;
    for (let i = 0; i < end; i++) count += ones(this.words[i]);
    return count;
  }
}

/** The bits set in a word. */
function ones(word: number): number {
  let x = word - (word >>> 1 & 0x5555_5555);
  x = (x & 0x3333_3333) + (x >>> 2 & 0x3333_3333);
  return Math.imul(x + (x >>> 4) & 0x0f0f_0f0f, 0x0101_0101) >>> 24;
}
