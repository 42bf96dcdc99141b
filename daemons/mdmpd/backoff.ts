/** When a path is tested next, and how long a path that works again has to wait. Pure. */
import {
  FLAP_FORGIVEN_MS,
  FLAP_HOLD_MAX_MS,
  FLAP_WINDOW_MS,
  MEMBER_RETRIES,
  URGENT_INTERVAL_MS,
} from "./limits.ts";

/** What the daemon was told. */
export interface Policy {
  readonly intervalMs: number;
  /** Infinity: a path that seems to have been failed by hand is never put back. */
  readonly operatorHoldMs: number;
  /** 0: unused paths are not read. */
  readonly standbyIntervalMs: number;
  readonly dryRun: boolean;
}

/** The part of a path's history that decides. */
export interface History {
  /** When it was last marked faulty. */
  readonly failedMs: number;
  /** When it was last put back. */
  readonly backMs: number | undefined;
  /** How often it failed soon after it was put back. */
  readonly flaps: number;
  /** How often it was put back. */
  readonly returns: number;
  /** Whether a test failed between the fault and now: then the fault was real. */
  readonly faultSeen: boolean;
}

/** The pause before the next test of a failed path. */
export function pauseMs(policy: Policy, othersWork: boolean): number {
  return othersWork ? policy.intervalMs : Math.min(policy.intervalMs, URGENT_INTERVAL_MS);
}

/** The count of flaps when a path fails at `nowMs`. */
export function flapsAfterFailure(history: History, nowMs: number): number {
  if (history.backMs === undefined) return 0;
  const held = nowMs - history.backMs;
  if (held < FLAP_WINDOW_MS) return history.flaps + 1;
  return held < FLAP_FORGIVEN_MS ? history.flaps : 0;
}

/** How long after its failure a path that flapped is kept waiting. */
export function flapHoldMs(policy: Policy, flaps: number): number {
  return flaps === 0 ? 0 : Math.min(FLAP_HOLD_MAX_MS, policy.intervalMs * 2 ** flaps);
}

export interface Hold {
  readonly untilMs: number;
  readonly reason: string;
}

/** Why a proven path is not put back at `nowMs`, if so. With no other path that works, there is no reason to wait. */
export function holdOf(
  history: History,
  policy: Policy,
  isMultipath: boolean,
  othersWork: boolean,
  nowMs: number,
): Hold | undefined {
  const holds: Hold[] = [];
  if (!isMultipath && history.returns >= MEMBER_RETRIES) {
    holds.push({ untilMs: Infinity, reason: `put back ${history.returns} times already` });
  }
  // An array with redundancy loses a member for good reasons; one that answers every test was failed by hand.
  if (!history.faultSeen) {
    const untilMs = isMultipath ? history.failedMs + policy.operatorHoldMs : Infinity;
    holds.push({ untilMs, reason: "it never failed a test, so an operator may have failed it" });
  }
  const flapMs = history.failedMs + flapHoldMs(policy, history.flaps);
  holds.push({ untilMs: flapMs, reason: `it failed ${history.flaps} times soon after its return` });
  const open = holds.filter(({ untilMs }) => untilMs > nowMs);
  if (open.length === 0 || (isMultipath && !othersWork)) return undefined;
  return open.reduce((longest, hold) => hold.untilMs > longest.untilMs ? hold : longest);
}
