/**
 * The running daemon. What can wake it, in the order of dispatch:
 *
 *     timers      the next attempt to reach corosync · corosync that does not answer one · status for the service manager
 *     signals     SIGTERM SIGINT SIGQUIT end · SIGHUP begin log files anew
 *     corosync    cmap: a reload · cfg: a shutdown · quorum: membership and quorum · the end of any of them
 *     runner      a script began or ended, or all of a notification have; its end is ours
 *     control     status and the like
 */
import {
  SIGHUP,
  SIGINT,
  SignalDescriptor,
  signalName,
  SIGQUIT,
  SIGTERM,
} from "../../../ffi/signal.ts";
import { type Logger, logger, reopenLogFiles } from "../../../src/host/log.ts";
import { EPOLLIN, type Reactor } from "../../../src/host/reactor.ts";

/** The signals that the daemon reads from a descriptor. Blocked before anything else is done. */
export const SIGNALS = [SIGTERM, SIGINT, SIGQUIT, SIGHUP];

export class Daemon {
  readonly #log: Logger = logger("cmannotifyd");
  readonly #signals = new SignalDescriptor(SIGNALS);
  readonly #endings: (() => void)[] = [];
  #code = 0;

  constructor(private readonly reactor: Reactor) {
    reactor.watch(this.#signals.fd, EPOLLIN, () => this.#readSignals());
  }

  /** Adds something to be done at the end, in the order of the calls. */
  atEnd(action: () => void): void {
    this.#endings.push(action);
  }

  /** Serves until it ends; the exit code. */
  run(): number {
    this.reactor.run();
    return this.#code;
  }

  /** At once: scripts that run go on without us. */
  end(code: number, why: string): void {
    if (code === 0) this.#log.info("ending: {why}", { why });
    else this.#log.error("ending: {why}", { why });
    this.#code = code;
    for (const action of this.#endings.splice(0)) action();
    this.reactor.stop();
  }

  #readSignals(): void {
    for (let signal = this.#signals.read(); signal !== 0; signal = this.#signals.read()) {
      if (signal === SIGHUP) this.#reopen();
      else this.end(0, `${signalName(signal)} from process ${this.#signals.senderPid}`);
    }
  }

  #reopen(): void {
    try {
      reopenLogFiles();
      this.#log.info("log files begun anew");
    } catch (error) {
      this.#log.error("the old log file stays in use: {error}", { error });
    }
  }
}
