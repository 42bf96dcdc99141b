/** The machine among its effects: performs what it wants done, and tells it what happens. */
import { CorosyncError } from "../../../ffi/corosync.ts";
import { WorkRelease } from "../../../src/host/footprint.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import { RELEASE_EVERY } from "../limits.ts";
import { initialState, step } from "../machine.ts";
import type { Action, Event, State } from "../machine_state.ts";
import {
  type ClusterFacts,
  environmentOf,
  jsonOf,
  NO_FACTS,
  type Notification,
} from "../notification.ts";
import type { RunRequest, Up } from "../runner_protocol.ts";
import type { Values } from "../setting_values.ts";
import { Corosync } from "./corosync.ts";
import { Counters } from "./counters.ts";
import { History } from "./history.ts";
import { probeCorosync } from "./probe.ts";

export interface CoreEvents {
  /** Something that a status line would show has changed. */
  changed(): void;
  /** The daemon is to end, and why. */
  giveUp(reason: string): void;
}

export interface ScriptRunner {
  run(request: Omit<RunRequest, "type">): void;
}

export class Core {
  readonly state: State;
  readonly history = new History();
  readonly counters = new Counters();
  facts: ClusterFacts = NO_FACTS;
  readonly #log: Logger = logger("cmannotifyd");
  readonly #corosync: Corosync;
  readonly #events: Event[] = [];
  readonly #release = new WorkRelease(RELEASE_EVERY);
  #isStepping = false;
  #areFactsDue = false;

  constructor(
    private readonly reactor: Reactor,
    private readonly values: Values,
    private readonly runner: ScriptRunner,
    private readonly events: CoreEvents,
  ) {
    this.state = initialState(values.policy, values.queueLimit);
    this.#corosync = new Corosync(reactor, (event) => this.tell(event));
  }

  /** Begins to look for corosync. */
  start(): void {
    this.tell({ type: "retryDue" });
  }

  /** An event that an action leads to at once waits until the other actions are done. */
  tell(event: Event): void {
    this.#events.push(event);
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        this.counters.seen(next.type);
        if (next.type === "reloaded") this.#planFacts();
        for (const action of step(this.state, next, Date.now())) this.#perform(action);
      }
    } finally {
      this.#isStepping = false;
    }
    this.events.changed();
  }

  /** What the runner says. */
  said(message: Up): void {
    this.history.said(message);
    switch (message.type) {
      case "started":
        this.#log.debug("{script} runs as process {pid}", message);
        return;
      case "ended":
        return this.#ended(message);
      case "note":
        if (message.level === "warn") this.#log.warn("{text}", message);
        else this.#log.info("{text}", message);
        return;
      case "done":
        this.tell({ type: "scriptsDone", sequence: message.sequence });
        return this.#release.did(this.state.running === undefined);
    }
  }

  close(): void {
    this.#corosync.disconnect();
  }

  #ended(message: Extract<Up, { type: "ended" }>): void {
    const { script, how, ranMs, timedOut } = message;
    this.counters.ended(ranMs, how, timedOut);
    const seconds = (ranMs / 1000).toFixed(3);
    if (timedOut) this.#log.warn("{script} ran too long and was ended: {how}", { script, how });
    else if (/^(exit|signal) /.test(how)) {
      this.#log.debug("{script} ended after {seconds} s: {how}", { script, seconds, how });
    } else this.#log.error("cannot run {script}: {how}", { script, how });
  }

  #perform(action: Action): void {
    switch (action.type) {
      case "probe":
        return probeCorosync(this.reactor, (result) => this.tell({ type: "probed", result }));
      case "connect":
        return this.#connect();
      case "disconnect":
        return this.#corosync.disconnect();
      case "retryAfter":
        this.reactor.after(action.delayMs, () => this.tell({ type: "retryDue" }));
        return;
      case "agree":
        return this.#corosync.agree();
      case "run":
        return this.#run(action.notification);
      case "log":
        return this.#log[action.level]("{text}", { text: action.text });
      case "giveUp":
        return this.events.giveUp(action.reason);
    }
  }

  #connect(): void {
    try {
      const connected = this.#corosync.connect();
      this.facts = this.#corosync.facts();
      this.tell(connected);
    } catch (error) {
      if (!(error instanceof CorosyncError)) throw error;
      this.tell({ type: "connectFailed", reason: error.message });
    }
  }

  /** A reload may have brought other names. Corosync has just spoken, so it will answer; once for many reloads. */
  #planFacts(): void {
    if (!this.#areFactsDue) this.reactor.defer(() => this.#readFacts());
    this.#areFactsDue = true;
  }

  #readFacts(): void {
    this.#areFactsDue = false;
    // In the turn that ends the daemon there is nobody to ask any more.
    if (this.state.phase !== "up" || !this.#corosync.isConnected) return;
    try {
      this.facts = this.#corosync.facts();
    } catch (error) {
      // The connection is lost, as its descriptor is about to tell.
      if (!(error instanceof CorosyncError)) throw error;
    }
  }

  #run(notification: Notification): void {
    const { sequence, reason } = notification;
    const { values, facts } = this;
    this.history.began(notification);
    this.counters.ran(reason);
    this.runner.run({
      sequence,
      reason,
      environment: environmentOf(notification, facts, values),
      input: values.jsonOnStdin ? jsonOf(notification, facts) : null,
    });
    this.#log.info("notification {sequence}: {reason}{quorum}", {
      sequence,
      reason,
      quorum: notification.quorate === undefined ? "" : ` quorum ${notification.quorate ? 1 : 0}`,
    });
  }
}
