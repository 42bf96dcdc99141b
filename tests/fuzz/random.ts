/** Numbers that look random and are the same for the same seed, on every machine: sfc32 of PractRand. */
export class Random {
  readonly #state: Uint32Array;

  constructor(seed: number) {
    this.#state = new Uint32Array([seed, Math.floor(seed / 0x1_0000_0000), 0x9e3779b9, 1]);
    for (let i = 0; i < 16; i++) this.u32();
  }

  /** 0 … 2^32 − 1. */
  u32(): number {
    const s = this.#state;
    const result = (s[0] + s[1] + s[3]) >>> 0;
    s[3]++;
    s[0] = s[1] ^ (s[1] >>> 9);
    s[1] = s[2] + (s[2] << 3);
    s[2] = ((s[2] << 21) | (s[2] >>> 11)) + result;
    return result;
  }

  /** 0 … `count` − 1. */
  below(count: number): number {
    return this.u32() % count;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** Small numbers more often than large ones, all of them below `count`. */
  small(count: number): number {
    return this.below(1 + this.below(count));
  }
}
