/**
 * Regions that the kernel has cleared and the group has not: the clearing is put off, because the next write to them is likely to
 * come soon, and then needs no message and no write of the log. A ring in typed arrays, oldest first.
 */
import { Bitmap } from "./bitmap.ts";
import { MAX_IDLE_REGIONS } from "./limits.ts";

export class IdleRegions {
  readonly #regions = new Uint32Array(MAX_IDLE_REGIONS);
  readonly #dueMs = new Float64Array(MAX_IDLE_REGIONS);
  #first = 0;
  #count = 0;
  /** Regions that are idle now; one in the ring that was marked again is not. */
  readonly #idle: Bitmap;

  constructor(regionCount: number) {
    this.#idle = new Bitmap(regionCount);
  }

  get room(): number {
    return MAX_IDLE_REGIONS - this.#count;
  }

  get isFull(): boolean {
    return this.#count === MAX_IDLE_REGIONS;
  }

  /** When the oldest is due; undefined when there is none. */
  get dueMs(): number | undefined {
    return this.#count === 0 ? undefined : this.#dueMs[this.#first];
  }

  /** Only when not full. */
  push(region: number, dueMs: number): void {
    const slot = (this.#first + this.#count) % MAX_IDLE_REGIONS;
    this.#regions[slot] = region;
    this.#dueMs[slot] = dueMs;
    this.#count++;
    this.#idle.set(region);
  }

  /** The region is in use again. */
  wake(region: number): void {
    this.#idle.clear(region);
  }

  /** Takes out the oldest that is idle and due at `nowMs`; -1 when there is none. */
  take(nowMs: number): number {
    while (this.#count > 0 && this.#dueMs[this.#first] <= nowMs) {
      const region = this.#regions[this.#first];
      this.#first = (this.#first + 1) % MAX_IDLE_REGIONS;
      this.#count--;
      if (this.#idle.clear(region)) return region;
    }
    return -1;
  }

  clear(): void {
    this.#count = 0;
    this.#idle.empty();
  }
}
