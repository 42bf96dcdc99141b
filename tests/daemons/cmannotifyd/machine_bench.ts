/** A machine with a clock, and what it wants done as short lines. */
import { initialState, invariants, step } from "../../../daemons/cmannotifyd/machine.ts";
import type { Action, Event, Policy, State } from "../../../daemons/cmannotifyd/machine_state.ts";
import type { Notification } from "../../../daemons/cmannotifyd/notification.ts";

const POLICY: Policy = { startPair: true, startAttempts: 0 };

function describe({ reason, quorate, joined, left, initial }: Notification): string {
  const parts = [
    reason,
    ...(quorate === undefined ? [] : [quorate ? "1" : "0"]),
    ...joined.map((id) => `+${id}`),
    ...left.map((id) => `-${id}`),
    ...(initial ? ["initial"] : []),
  ];
  return parts.join(" ");
}

function line(action: Action): string {
  switch (action.type) {
    case "run":
      return `run ${describe(action.notification)}`;
    case "log":
      return `${action.level}: ${action.text}`;
    case "retryAfter":
      return `retry ${action.delayMs}`;
    case "giveUp":
      return `give up: ${action.reason}`;
    default:
      return action.type;
  }
}

export class MachineBench {
  readonly state: State;
  nowMs = 1_000_000;

  constructor(policy: Partial<Policy> = {}, queueLimit = 100) {
    this.state = initialState({ ...POLICY, ...policy }, queueLimit);
  }

  /** What each event leads to, all together. Throws an Error for a state that cannot be. */
  tell(...events: Event[]): string[] {
    return events.flatMap((event) => {
      const actions = step(this.state, event, this.nowMs++);
      const wrong = invariants(this.state);
      if (wrong.length > 0) throw new Error(`${wrong.join(", ")} after ${JSON.stringify(event)}`);
      return actions.map(line);
    });
  }

  /** From down to connected, with the first report still to come. */
  connect(hasProvider = true): string[] {
    return this.tell(
      { type: "retryDue" },
      { type: "probed", result: "answered" },
      { type: "connected", hasProvider },
    );
  }

  /** A membership change as libquorum reports it. */
  change(quorate: boolean, members: number[], joined: number[], left: number[]): string[] {
    const ring = `1.${this.nowMs.toString(16)}`;
    return this.tell(
      { type: "nodelist", ring, members, joined, left },
      { type: "quorum", quorate, ring, members },
    );
  }

  /** Lets all scripts finish; what ran meanwhile. */
  finish(): string[] {
    const ran: string[] = [];
    while (this.state.running !== undefined) {
      ran.push(...this.tell({ type: "scriptsDone", sequence: this.state.running.sequence }));
    }
    return ran;
  }
}
