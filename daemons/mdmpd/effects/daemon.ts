/**
 * The running daemon. What can wake it, in the order of dispatch:
 *
 *     timers      a test that is due · notices of md gathered · a child that is silent or idle · state to be saved
 *     signals     SIGTERM SIGINT SIGQUIT end · SIGHUP reread the configuration
 *     mdstat      POLLPRI: an array has changed
 *     children    an answer · their end
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
  readonly #log: Logger = logger("mdmpd", "daemon");
  readonly #signals = new SignalDescriptor(SIGNALS);
  readonly #endings: (() => void)[] = [];

  /** `reload`: rereads the configuration; throws when it is wrong. */
  constructor(private readonly reactor: Reactor, private readonly reload: () => void) {
    reactor.watch(this.#signals.fd, EPOLLIN, () => this.#readSignals());
  }

  /** Adds something to be done at the end, in the order of the calls. */
  atEnd(action: () => void): void {
    this.#endings.push(action);
  }

  #readSignals(): void {
    for (let signal = this.#signals.read(); signal !== 0; signal = this.#signals.read()) {
      if (signal === SIGHUP) this.#reload();
      else this.#end(`${signalName(signal)} from process ${this.#signals.senderPid}`);
    }
  }

  #reload(): void {
    try {
      reopenLogFiles();
      this.reload();
      this.#log.info("the configuration has been read again");
    } catch (error) {
      this.#log.error("everything goes on as before: {error}", { error });
    }
  }

  /** At once: children that are testing end with their input, one that is putting a path back sees it through. */
  #end(why: string): void {
    this.#log.info("ending: {why}", { why });
    for (const action of this.#endings.splice(0)) action();
    this.reactor.stop();
  }
}
