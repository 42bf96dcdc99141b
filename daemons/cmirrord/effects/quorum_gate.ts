/**
 * Whether this node may take part: a part of a parted cluster that has no quorum must not write what the other part does not know of.
 *
 * Corosync tells of a new ring by each of its services. A group hears that nodes are gone before quorum is known; what comes from the
 * groups then waits until it is.
 */
import { CorosyncError, CS_OK } from "../../../ffi/corosync.ts";
import { LibraryError } from "../../../ffi/open.ts";
import { Quorum } from "../../../ffi/quorum.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import { EPOLLIN, type Reactor, type Timer } from "../../../src/host/reactor.ts";
import { RING_PATIENCE_MS } from "../limits.ts";

export interface GateEvents {
  /** Quorum is known again, after wait(). */
  decided(isOpen: boolean): void;
  /** Quorum was lost. */
  closed(): void;
}

/** unknown: connected, and not told yet. none: corosync has no quorum, or the configuration does not ask for it. */
type State = "unknown" | "quorate" | "inquorate" | "none";

export class QuorumGate {
  readonly #log: Logger = logger("cmirrord", "quorum");
  #quorum: Quorum | undefined;
  #state: State;
  #waiting: Timer | undefined;

  /** `isWanted`: the configuration asks for it. */
  constructor(
    private readonly reactor: Reactor,
    private readonly isWanted: boolean,
    private readonly events: GateEvents,
  ) {
    this.#state = isWanted ? "unknown" : "none";
  }

  /** In a word, for people. */
  get state(): State {
    return this.#state;
  }

  /** Whether a group may be joined now. Connects where that was not done yet. Throws CorosyncError. */
  isOpen(): boolean {
    if (this.isWanted && this.#quorum === undefined) this.#connect();
    return this.#state === "quorate" || this.#state === "none";
  }

  /** Nodes are gone: decided() follows. */
  wait(): void {
    if (this.#state === "none" || this.#waiting !== undefined) return;
    this.#waiting = this.reactor.after(RING_PATIENCE_MS, () => this.#askAndDecide());
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  #connect(): void {
    try {
      const quorum = Quorum.connect({
        quorum: (isQuorate) => this.#heard(isQuorate),
        nodelist: () => {},
      });
      this.#quorum = quorum;
      this.reactor.watch(quorum.fd, EPOLLIN, () => this.#dispatch());
      if (quorum.hasProvider) this.#track(quorum);
      else this.#state = "none";
    } catch (error) {
      if (!(error instanceof LibraryError)) throw error;
      this.#log.warn("mirrors do not stand still without quorum: {error}", { error });
      this.#state = "none";
    }
  }

  /** Corosync may refuse that while it has too much to send. Such a connection would tell nothing, ever: the next join makes another. */
  #track(quorum: Quorum): void {
    try {
      quorum.trackStart();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #dispatch(): void {
    if (this.#quorum?.dispatch() !== CS_OK) this.#lost();
  }

  /** Corosync is gone: the groups hear of it themselves. */
  #lost(): void {
    const quorum = this.#quorum;
    if (quorum === undefined) return;
    this.reactor.unwatch(quorum.fd);
    quorum.close();
    this.#quorum = undefined;
    this.#state = "unknown";
    this.#decide(false);
  }

  #heard(isQuorate: boolean): void {
    const was = this.#state;
    this.#state = isQuorate ? "quorate" : "inquorate";
    if (was !== this.#state && was !== "unknown") {
      if (isQuorate) this.#log.warn("there is quorum again: mirrors go on");
      else this.#log.error("there is no quorum: mirrors stand still");
    }
    this.#decide(isQuorate);
    if (!isQuorate && was === "quorate") this.events.closed();
  }

  #askAndDecide(): void {
    this.#waiting = undefined;
    try {
      this.events.decided(this.#quorum?.isQuorate() === true);
    } catch (error) {
      if (!(error instanceof CorosyncError)) throw error;
      this.events.decided(false);
    }
  }

  #decide(isOpen: boolean): void {
    if (this.#waiting === undefined) return;
    this.reactor.cancel(this.#waiting);
    this.#waiting = undefined;
    this.events.decided(isOpen);
  }

  close(): void {
    if (this.#quorum === undefined) return;
    this.reactor.unwatch(this.#quorum.fd);
    this.#quorum.close();
    this.#quorum = undefined;
  }
}
