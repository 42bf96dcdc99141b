/**
 * Whether corosync answers: its libraries wait without limit for one that does not, as when it is stopped (SIGSTOP, a starved host), and
 * all mirrors would wait with them.
 */
import { CS_ERR_LIBRARY, CS_ERR_TRY_AGAIN, CS_OK } from "../../../ffi/corosync.ts";
import { probe, type ProbeResult } from "../../../src/host/qb_probe.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import { PROBE_FRESH_MS, PROBE_PATIENCE_MS } from "../limits.ts";

/** Any of the services would do. */
const SERVICE = "cpg";

/** Asks once; `done` is called later. */
export type Ask = (done: (result: ProbeResult) => void) => void;

export class Awake {
  #answer: ProbeResult = "silent";
  #answeredMs = -Infinity;
  #isAsking = false;

  constructor(private readonly clock: Pick<Reactor, "now">, private readonly ask: Ask) {}

  /** CS_OK where corosync has answered lately; otherwise why not: try again. It is asked anew each time. */
  status(): number {
    const isFresh = this.clock.now() < this.#answeredMs + PROBE_FRESH_MS;
    if (!this.#isAsking) this.#ask();
    if (!isFresh || this.#answer === "silent") return CS_ERR_TRY_AGAIN;
    return this.#answer === "answered" ? CS_OK : CS_ERR_LIBRARY;
  }

  #ask(): void {
    this.#isAsking = true;
    this.ask((answer) => {
      this.#isAsking = false;
      this.#answer = answer;
      this.#answeredMs = this.clock.now();
    });
  }
}

/** Asks corosync itself. */
export function askCorosync(reactor: Reactor): Ask {
  return (done) => probe(reactor, SERVICE, PROBE_PATIENCE_MS, done);
}
