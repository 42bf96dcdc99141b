/** What `cmannotifyd status` shows. */
import type { Phase } from "../machine_state.ts";
import type { ClusterFacts, Notification } from "../notification.ts";
import type { Core } from "./core.ts";
import type { HistoryEntry, ScriptRun } from "./history.ts";

export interface NotificationStatus {
  readonly sequence: number;
  readonly notification: string;
  /** STATECHANGE only. */
  readonly quorate: boolean | null;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly done: boolean;
  readonly scripts: readonly ScriptRun[];
}

export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly sandbox: string;
  readonly phase: Phase;
  readonly node: { readonly id: number; readonly name: string | null };
  readonly cluster: string;
  readonly quorate: boolean | null;
  readonly members: readonly { readonly id: number; readonly name: string | null }[];
  readonly queue: { readonly length: number; readonly limit: number; readonly highWater: number };
  readonly notifications: readonly NotificationStatus[];
}

function notificationStatus({ notification, scripts, done }: HistoryEntry): NotificationStatus {
  const { sequence, reason, quorate, timeMs }: Notification = notification;
  return {
    sequence,
    notification: reason,
    quorate: quorate ?? null,
    time: new Date(timeMs).toISOString(),
    done,
    scripts,
  };
}

function node(id: number, { names }: ClusterFacts): { id: number; name: string | null } {
  return { id, name: names.get(id) ?? null };
}

/** A snapshot of everything. */
export function statusOf(
  { state, history, facts }: Core,
  about: Pick<Status, "version" | "pid" | "sandbox">,
): Status {
  const { phase, quorate, members, queue } = state;
  return {
    ...about,
    phase,
    node: node(facts.nodeId, facts),
    cluster: facts.clusterName,
    quorate: phase === "up" ? quorate ?? null : null,
    members: phase === "up" ? members.map((id) => node(id, facts)) : [],
    queue: { length: queue.length, limit: queue.limit, highWater: queue.highWater },
    notifications: history.entries.map(notificationStatus),
  };
}

/** One line for the service manager. */
export function statusLine({ state }: Core): string {
  if (state.phase !== "up") return "Waiting for corosync";
  const quorum = state.quorate === true ? "quorate" : "not quorate";
  const waiting = state.queue.length + (state.running === undefined ? 0 : 1);
  return `Connected, ${quorum}, ${state.members.length} members, ${waiting} notifications in work`;
}
