/**
 * Whether corosync answers: its libraries wait without limit for one that does not, as when it is stopped (SIGSTOP, a starved host), and
 * all mirrors would wait with them.
 */
import { CS_ERR_LIBRARY, CS_ERR_TRY_AGAIN, CS_OK } from "../../../ffi/corosync.ts";
import { greet, type Greeting } from "../../../src/host/greeting.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import { GREETING_FRESH_MS, GREETING_PATIENCE_MS } from "../limits.ts";

/** Any of the services would do. */
const SERVICE = "cpg";

export class Awake {
  #answer: Greeting = "silent";
  #answeredMs = -Infinity;
  #isAsking = false;

  constructor(private readonly reactor: Reactor) {}

  /** CS_OK where corosync has just answered; otherwise why not, and it is asked: try again. */
  status(): number {
    const isFresh = this.reactor.now() < this.#answeredMs + GREETING_FRESH_MS;
    if (isFresh && this.#answer === "answered") return CS_OK;
    if (!this.#isAsking) this.#ask();
    return isFresh && this.#answer === "refused" ? CS_ERR_LIBRARY : CS_ERR_TRY_AGAIN;
  }

  #ask(): void {
    this.#isAsking = true;
    greet(this.reactor, SERVICE, GREETING_PATIENCE_MS, (answer) => {
      this.#isAsking = false;
      this.#answer = answer;
      this.#answeredMs = this.reactor.now();
    });
  }
}
