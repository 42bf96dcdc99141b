/**
 * Requests that did not fit the socket (ENOBUFS). The kernel numbers its requests in the order in which it sends them, those of all
 * mirrors together: what is missing is a gap. It would ask again after 15 seconds; it is told to do so at once (D24). Pure.
 */
import { WAKE_REQUESTS } from "./limits.ts";

export class LostRequests {
  #last: number | undefined;
  #isLooking = false;

  /** `wake` has the kernel ask again: the first number, and how many. Numbers that nobody waits for do no harm. */
  constructor(private readonly wake: (first: number, count: number) => void) {}

  /** Some did not fit. Those that did are yet to be read. */
  overrun(): void {
    this.#isLooking = true;
  }

  seen(seq: number): void {
    const ahead = seq - (this.#last ?? seq) | 0;
    if (this.#isLooking) this.#wakeUpTo(ahead - 1);
    if (ahead >= 0) this.#last = seq;
  }

  /** All that was there is read: the last ones may be missing, too. */
  drained(): void {
    if (!this.#isLooking) return;
    this.#isLooking = false;
    this.#wakeUpTo(WAKE_REQUESTS);
  }

  #wakeUpTo(count: number): void {
    if (this.#last !== undefined && count > 0) {
      this.wake(this.#last + 1 >>> 0, Math.min(count, WAKE_REQUESTS));
    }
  }
}
