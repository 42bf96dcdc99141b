/** What `mdmpd status` shows: arrays, paths, since when they have failed, when they are tested next. */
import { type ArrayState, isOut, type PathState } from "../machine_state.ts";
import { nodeOf } from "../paths.ts";
import type { Core } from "./core.ts";

export interface PathStatus {
  readonly device: string;
  /** What the kernel says: working, spare or faulty. */
  readonly condition: string;
  readonly slot: number | null;
  /** What the daemon is about: active, checking, failed, probing, hung, held, refused or restoring. */
  readonly phase: string;
  readonly lost: boolean;
  /** What was found last; "" for nothing worth mentioning. */
  readonly finding: string;
  /** ISO 8601, UTC: since when it has failed, or has not answered. */
  readonly failedSince: string | null;
  readonly nextCheckInSeconds: number | null;
  /** Since it failed. */
  readonly checks: number;
  readonly flaps: number;
  readonly restored: number;
}

export interface ArrayStatus {
  readonly device: string;
  readonly uuid: string;
  readonly personality: string;
  readonly metadata: string;
  readonly state: string;
  readonly slots: number;
  readonly working: number;
  readonly paths: readonly PathStatus[];
}

export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly sandbox: string;
  /** What is wrong with /proc/mdstat; "" for nothing. */
  readonly trouble: string;
  readonly dryRun: boolean;
  readonly arrays: readonly ArrayStatus[];
}

function pathStatus(path: PathState, nowMs: number, wallMs: number): PathStatus {
  const { condition, phase, lost, finding, dueMs, checks, flaps, returns } = path;
  const sinceMs = isOut(path) ? path.failedMs : path.suspectMs;
  return {
    device: nodeOf(path.name),
    condition,
    slot: path.slot ?? null,
    phase,
    lost,
    finding,
    failedSince: sinceMs === undefined ? null : new Date(wallMs - nowMs + sinceMs).toISOString(),
    nextCheckInSeconds: dueMs === undefined ? null : Math.max(0, Math.ceil((dueMs - nowMs) / 1000)),
    checks,
    flaps,
    restored: returns,
  };
}

function arrayStatus({ sight, paths }: ArrayState, nowMs: number, wallMs: number): ArrayStatus {
  const all = [...paths.values()];
  return {
    device: nodeOf(sight.name),
    uuid: sight.uuid,
    personality: sight.personality,
    metadata: sight.metadata,
    state: sight.state,
    slots: sight.raidDisks,
    working: all.filter(({ condition }) => condition === "working").length,
    paths: all.map((path) => pathStatus(path, nowMs, wallMs)),
  };
}

export type About = Pick<Status, "version" | "pid" | "sandbox">;

/** A snapshot of everything. */
export function statusOf(core: Core, about: About, nowMs: number): Status {
  const wallMs = Date.now();
  return {
    ...about,
    trouble: core.observer.trouble,
    dryRun: core.machine.policy.dryRun,
    arrays: core.sortedArrays().map((array) => arrayStatus(array, nowMs, wallMs)),
  };
}
