/** Frames against the decoder and the machine of virtlockd's lock program. */
import { LockCases } from "./lock_cases.ts";
import { LockOracle, type Tally } from "./lock_oracle.ts";
import type { FuzzTarget } from "./target.ts";

export class LockTarget implements FuzzTarget {
  readonly name = "frames of the lock program";
  readonly #oracle = new LockOracle();
  readonly #cases: LockCases;

  constructor(seed: number) {
    this.#cases = new LockCases(seed);
  }

  get tally(): Readonly<Record<keyof Tally, number>> {
    return this.#oracle.tally;
  }

  step(): void {
    this.#cases.next();
    this.#oracle.check(this.#cases.bytes, this.#cases.length);
  }

  describe(): string {
    const { bytes, length } = this.#cases;
    return `frame of ${length} bytes: ${bytes.subarray(0, length).toHex()}`;
  }
}
