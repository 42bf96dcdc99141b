/**
 * Guests whose clock can be trusted. On a busy host the kernel may measure the processor's counter against an emulated timer that nobody
 * moved on meanwhile; its clock then runs many times too fast. It says so ("PIT calibration deviates", arch/x86/kernel/tsc.c), the
 * first stage turns the guest off, and it is started again.
 */
import type { Ending } from "./results.ts";

/** What the first stage says then (guest/init.sh). */
export const WRONG_CLOCK = "rig: the clock runs wrong";
const ATTEMPTS = 5;

/** What can be started, waited for and killed. */
export interface Startable {
  readonly ended: Promise<Ending>;
  kill(): void;
}

/** A machine that is started again for as long as its clock is wrong, five times at most. */
export class ClockedMachine implements Startable {
  readonly ended: Promise<Ending>;
  #machine: Startable | undefined;
  #isKilled = false;

  /** `console`: what the machine has said since it was last started. */
  constructor(
    readonly start: () => Promise<Startable>,
    readonly console: () => Promise<string>,
  ) {
    this.ended = this.#run();
  }

  kill(): void {
    this.#isKilled = true;
    this.#machine?.kill();
  }

  async #run(): Promise<Ending> {
    for (let attempt = 1;; attempt++) {
      this.#machine = await this.start();
      if (this.#isKilled) this.#machine.kill();
      const ending = await this.#machine.ended;
      if (this.#isKilled || attempt === ATTEMPTS) return ending;
      if (!(await this.console()).includes(WRONG_CLOCK)) return ending;
    }
  }
}
