/**
 * The running daemon. What can wake it, in the order of dispatch:
 *
 *     timers      joins tried again · messages sent again · idle regions cleared · notices
 *     signals     SIGTERM SIGINT SIGQUIT SIGHUP end, unless there are logs · SIGUSR1 SIGUSR2 show the state
 *     kernel      requests of dm-log-userspace
 *     groups      messages and changes of membership, a descriptor for each mirror
 *     devices     a log was read or written
 *     control     status and the like
 */
import {
  SIGHUP,
  SIGINT,
  SignalDescriptor,
  signalName,
  SIGPIPE,
  SIGQUIT,
  SIGTERM,
  SIGUSR1,
  SIGUSR2,
} from "../../../ffi/signal.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import { EPOLLIN, type Reactor } from "../../../src/host/reactor.ts";
import type { Core } from "./core.ts";
import { stateLines } from "./dump.ts";

/** The signals that the daemon reads from a descriptor. Blocked before anything else is done. */
export const SIGNALS = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE];

export class Daemon {
  readonly #log: Logger = logger("cmirrord", "daemon");
  readonly #signals = new SignalDescriptor(SIGNALS);
  readonly #endings: (() => void)[] = [];

  constructor(private readonly reactor: Reactor, private readonly core: Core) {
    reactor.watch(this.#signals.fd, EPOLLIN, () => this.#readSignals());
  }

  /** Adds something to be done at the end, in the order of the calls. */
  atEnd(action: () => void): void {
    this.#endings.push(action);
  }

  #readSignals(): void {
    for (let signal = this.#signals.read(); signal !== 0; signal = this.#signals.read()) {
      if (signal === SIGUSR1 || signal === SIGUSR2) this.#dump();
      else if (signal !== SIGPIPE) {
        this.#end(`${signalName(signal)} from process ${this.#signals.senderPid}`);
      }
    }
  }

  #dump(): void {
    for (const line of stateLines(this.core.machine.mirrors)) this.#log.info("{line}", { line });
  }

  /** While a mirror is active its kernel would wait for a log that nobody keeps. */
  #end(why: string): void {
    if (!this.core.isIdle) return this.#log.error("Cluster logs exist.  Refusing to exit.");
    this.#log.info("ending: {why}", { why });
    for (const action of this.#endings.splice(0)) action();
    this.reactor.stop();
  }
}
