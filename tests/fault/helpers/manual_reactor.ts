/** A reactor whose clock stands still until it is told to go on. Descriptors are real. */
import { Reactor } from "../../../src/host/reactor.ts";

/** More turns than any exchange of these tests needs. */
const SETTLED_TURNS = 64;

export class ManualReactor extends Reactor {
  #nowMs = 0;

  override now(): number {
    return this.#nowMs;
  }

  /** Serves what is ready now. */
  settle(): void {
    for (let turn = 0; turn < SETTLED_TURNS; turn++) this.turn(0);
  }

  /** Lets time pass, with the timers that come due on the way. */
  advance(ms: number): void {
    this.#nowMs += ms;
    this.settle();
  }
}
