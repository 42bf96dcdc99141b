/** What is counted, for the control socket. */
import { type Counter, type Histogram, Metrics } from "../../../src/host/metrics.ts";
import { EVENT_TYPES, type EventType, type State } from "../machine_state.ts";
import { type Reason, REASONS } from "../notification.ts";

/** Upper ends in seconds: most scripts take milliseconds, some a minute. */
const SCRIPT_SECONDS = [0.01, 0.1, 1, 10, 60];
const OUTCOMES = ["success", "failure", "timeout", "not_started"] as const;

export class Counters {
  readonly metrics = new Metrics("cmannotifyd");
  readonly #events: Readonly<Record<EventType, Counter>>;
  readonly #notifications: Readonly<Record<Reason, Counter>>;
  readonly #outcomes: Readonly<Record<typeof OUTCOMES[number], Counter>>;
  readonly #seconds: Histogram;

  constructor() {
    const { metrics } = this;
    this.#events = metrics.counters("events", {
      help: "Events that the machine was told",
      label: "type",
      values: EVENT_TYPES,
    });
    this.#notifications = metrics.counters("notifications", {
      help: "Notifications whose scripts were run",
      label: "reason",
      values: REASONS,
    });
    this.#outcomes = metrics.counters("scripts", {
      help: "Scripts by how they ended",
      label: "outcome",
      values: OUTCOMES,
    });
    const options = { help: "How long scripts ran", unit: "seconds" };
    this.#seconds = metrics.histogram("script_seconds", options, SCRIPT_SECONDS);
  }

  /** Gauges that are read from the machine when somebody asks. */
  watch(state: State): void {
    const { queue } = state;
    // What was told last is not how things are while there is no corosync.
    const isUp = (): boolean => state.phase === "up";
    const gauge = (name: string, help: string, read: () => number): void => {
      this.metrics.gauge(name, { help }, read);
    };
    gauge("queue_length", "Notifications that wait for their scripts", () => queue.length);
    gauge("queue_high_water", "The most that ever waited", () => queue.highWater);
    gauge("connected", "1 while connected to corosync", () => isUp() ? 1 : 0);
    gauge("quorate", "1 while this node is quorate", () => isUp() && state.quorate ? 1 : 0);
    gauge(
      "members",
      "Nodes of this cluster that are there",
      () => isUp() ? state.members.length : 0,
    );
  }

  seen(type: EventType): void {
    this.#events[type].add();
  }

  ran(reason: Reason): void {
    this.#notifications[reason].add();
  }

  ended(ranMs: number, how: string, timedOut: boolean): void {
    this.#seconds.observe(ranMs / 1000);
    if (timedOut) this.#outcomes.timeout.add();
    else if (how === "exit 0") this.#outcomes.success.add();
    else if (/^(exit|signal) /.test(how)) this.#outcomes.failure.add();
    else this.#outcomes.not_started.add();
  }
}
