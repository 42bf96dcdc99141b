/** Simulated time: what happens next, and when. What is due at the same time happens in the order in which it was planned. */
import { Heap } from "../../../src/wire/heap.ts";

interface Plan {
  dueMs: number;
  slot: number;
  readonly run: () => void;
}

export class Clock {
  nowMs = 0;
  #planned = 0;
  readonly #plans = new Heap<Plan>();

  /** Runs something later. Nothing can be taken back: what has become pointless must find out itself. */
  after(ms: number, run: () => void): void {
    // Planned things keep their order: each comes a little after the one before it.
    this.#plans.push({ dueMs: this.nowMs + ms + 1e-9 * this.#planned++, slot: -1, run });
  }

  /** Runs the next thing; false when there is nothing left, or nothing before `untilMs`. */
  step(untilMs: number): boolean {
    const next = this.#plans.peek();
    if (next === undefined || next.dueMs > untilMs) return false;
    this.#plans.remove(next);
    this.nowMs = Math.max(this.nowMs, next.dueMs);
    next.run();
    return true;
  }
}
