/**
 * A closed process group as corosync keeps it: messages and configuration changes reach every member in one order, each message in
 * its sender's order; what a member sent before it died is either in that order or lost; delays are anyone's guess.
 */
import type { Member } from "../../../daemons/cmirrord/membership.ts";
import type { Random } from "../../fuzz/random.ts";
import type { Clock } from "./clock.ts";

export const JOIN = 1;
export const LEAVE = 2;
export const NODEDOWN = 3;
export const PROCDOWN = 5;

/** When the others notice that a node is gone. */
export const TOKEN_LOST_MS = 1_000;

export type GroupEvent =
  | { readonly kind: "message"; readonly sender: Member; readonly bytes: Uint8Array<ArrayBuffer> }
  | {
    readonly kind: "change";
    readonly members: readonly Member[];
    readonly left: readonly Member[];
    readonly joined: readonly Member[];
  };

/** One process in the group. */
export interface Participant {
  readonly member: Member;
  /** What it has not been given yet. */
  readonly inbox: GroupEvent[];
  /** What it has sent and nobody has ordered yet. */
  readonly outgoing: Uint8Array<ArrayBuffer>[];
  /** Whether it was told to leave. */
  isLeaving: boolean;
  /** Whether it hears nothing any more: dead, or finalized. */
  isOut: boolean;
  readonly deliver: (events: GroupEvent[]) => void;
}

export class Group {
  participants: Participant[] = [];
  /** Messages that were ordered, for the record. */
  ordered = 0;

  constructor(private readonly clock: Clock, private readonly random: Random) {}

  /** Mostly some milliseconds, sometimes a second. */
  #delayMs(): number {
    if (this.random.below(300) === 0) return this.random.below(1_000);
    return this.random.below(40) / 10;
  }

  join(nodeid: number, pid: number, deliver: Participant["deliver"]): Participant {
    const member = { nodeid, pid, reason: 0 };
    const one: Participant = {
      member,
      inbox: [],
      outgoing: [],
      isLeaving: false,
      isOut: false,
      deliver,
    };
    this.clock.after(this.#delayMs(), () => {
      if (one.isOut) return;
      this.participants.push(one);
      this.#change([], [{ ...member, reason: JOIN }]);
    });
    return one;
  }

  /** Whether a process is a member: it cannot be so twice. */
  has(nodeid: number, pid: number): boolean {
    return this.participants.some(({ member }) => member.nodeid === nodeid && member.pid === pid);
  }

  send(from: Participant, bytes: Uint8Array<ArrayBuffer>): void {
    from.outgoing.push(bytes);
    this.clock.after(this.#delayMs(), () => this.#order(from));
  }

  /** The oldest message of a member takes its place in the order. Before its join is known, it waits. */
  #order(from: Participant): void {
    if (from.isOut || from.outgoing.length === 0) return;
    if (!this.participants.includes(from)) {
      this.clock.after(1, () => this.#order(from));
      return;
    }
    const bytes = from.outgoing.shift() as Uint8Array<ArrayBuffer>;
    this.ordered++;
    this.#publish({ kind: "message", sender: from.member, bytes });
  }

  /** A member leaves of its own will: it hears of it itself, as the last thing. */
  leave(one: Participant): void {
    one.isLeaving = true;
    this.clock.after(this.#delayMs(), () => {
      if (!this.participants.includes(one)) return;
      const left = [{ ...one.member, reason: LEAVE }];
      this.participants = this.participants.filter((other) => other !== one);
      this.#change(left, []);
      if (one.isOut) return;
      one.inbox.push({ kind: "change", members: this.#members(), left, joined: [] });
      this.#deliverLater(one);
    });
  }

  /** A member's process, or its node, dies: what it sent last may be lost. A node is missed after a while only. */
  die(one: Participant, reason: number): void {
    one.isOut = true;
    one.inbox.length = 0;
    const noticedMs = reason === PROCDOWN ? 0 : TOKEN_LOST_MS;
    this.clock.after(noticedMs, () => this.#bury(one, reason));
  }

  #bury(one: Participant, reason: number): void {
    if (!this.participants.includes(one)) return;
    while (one.outgoing.length > 0 && this.random.below(2) === 0) {
      const bytes = one.outgoing.shift() as Uint8Array<ArrayBuffer>;
      this.#publish({ kind: "message", sender: one.member, bytes });
    }
    this.participants = this.participants.filter((other) => other !== one);
    this.#change([{ ...one.member, reason }], []);
  }

  #members(): Member[] {
    return this.participants.map(({ member }) => member).sort((a, b) => a.nodeid - b.nodeid);
  }

  #change(left: readonly Member[], joined: readonly Member[]): void {
    this.#publish({ kind: "change", members: this.#members(), left, joined });
  }

  #publish(event: GroupEvent): void {
    for (const one of this.participants) {
      one.inbox.push(event);
      this.#deliverLater(one);
    }
  }

  /** Gives a member some of what waits for it. */
  #deliverLater(one: Participant): void {
    this.clock.after(this.#delayMs(), () => {
      if (one.isOut || one.inbox.length === 0) return;
      const count = 1 + this.random.below(Math.min(3, one.inbox.length));
      one.deliver(one.inbox.splice(0, count));
      if (one.inbox.length > 0) this.#deliverLater(one);
    });
  }
}
