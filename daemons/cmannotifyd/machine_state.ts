/** What the machine knows, what it is told and what it wants done. Pure. */
import type { Notification } from "./notification.ts";
import type { NotificationQueue } from "./queue.ts";

/**
 * down: not connected, the next attempt is due later. probing: corosync is asked whether it answers at all. connecting: the
 * libraries connect. reporting: connected, and the first report of quorum is to come. up: changes are reported.
 */
export const PHASES = ["down", "probing", "connecting", "reporting", "up"] as const;
export type Phase = typeof PHASES[number];

export interface Policy {
  /** CONFIG_UPDATE and STATECHANGE after each connect, as the original did from 2012 on. */
  readonly startPair: boolean;
  /** The daemon ends when it never reached corosync in so many attempts; 0: it never does. */
  readonly startAttempts: number;
}

/** A report of who is in the cluster; `ring` as in a Notification. */
export interface Nodelist {
  readonly ring: string;
  readonly members: readonly number[];
  readonly joined: readonly number[];
  readonly left: readonly number[];
}

export interface State {
  readonly policy: Policy;
  phase: Phase;
  /** Attempts since the connection was lost, or since the start. */
  attempts: number;
  /** Whether corosync was ever reached. */
  wasUp: boolean;
  /** Without one there is one STATECHANGE for each nodelist report, and this node counts as quorate. */
  hasProvider: boolean;
  /** In the last STATECHANGE. */
  quorate: boolean | undefined;
  members: readonly number[];
  /** Of the last nodelist report, until its quorum report comes. */
  pending: Nodelist | undefined;
  /** config.reload_status: 1 good. Undefined on a corosync that does not set it, or has not yet. */
  reloadStatus: number | undefined;
  /** Of the last notification. */
  sequence: number;
  readonly queue: NotificationQueue;
  /** The one whose scripts run. */
  running: Notification | undefined;
  /** So that a corosync that does not answer is mentioned once. */
  complained: boolean;
  /** So that a full queue is mentioned once, until one of those that wait is run. */
  saidFull: boolean;
}

export type Event =
  | { readonly type: "retryDue" }
  /** refused: nobody listens. answered: corosync takes connections. silent: it is there, but stopped. */
  | { readonly type: "probed"; readonly result: "answered" | "refused" | "silent" }
  | { readonly type: "connected"; readonly hasProvider: boolean; readonly reloadStatus?: number }
  | { readonly type: "connectFailed"; readonly reason: string }
  | { readonly type: "lost"; readonly reason: string }
  | {
    readonly type: "quorum";
    readonly quorate: boolean;
    readonly ring: string;
    readonly members: readonly number[];
  }
  | { readonly type: "nodelist" } & Nodelist
  | { readonly type: "reloadStatus"; readonly status: number }
  /** config.reload_in_progress went back to 0. */
  | { readonly type: "reloaded" }
  | { readonly type: "shutdown"; readonly flags: number }
  /** The runner is through with the scripts of the running notification. */
  | { readonly type: "scriptsDone"; readonly sequence: number };

export type EventType = Event["type"];
export const EVENT_TYPES: readonly EventType[] = [
  "retryDue",
  "probed",
  "connected",
  "connectFailed",
  "lost",
  "quorum",
  "nodelist",
  "reloadStatus",
  "reloaded",
  "shutdown",
  "scriptsDone",
];

export type Action =
  | { readonly type: "probe" }
  | { readonly type: "connect" }
  | { readonly type: "disconnect" }
  | { readonly type: "retryAfter"; readonly delayMs: number }
  /** Says yes to the shutdown that corosync asks about: at once, since silence is a no. */
  | { readonly type: "agree" }
  | { readonly type: "run"; readonly notification: Notification }
  | {
    readonly type: "log";
    readonly level: "info" | "warn" | "error";
    readonly text: string;
  }
  | { readonly type: "giveUp"; readonly reason: string };
