/**
 * What a path does next: a table of phases and events. Every cell is here; `nothing` is one that needs no answer, `late` one that only
 * an answer could fill which nobody waits for any more.
 */
import { flapsAfterFailure, holdOf, pauseMs, type Policy } from "./backoff.ts";
import type { EventName } from "./events.ts";
import { FIRST_CHECK_MS, FLAP_REPORTED, HUNG_TRIES } from "./limits.ts";
import {
  type Action,
  type ArrayState,
  othersWork,
  type PathEvent,
  type PathEventType,
  type PathState,
  type Phase,
  type Target,
} from "./machine_state.ts";
import { isMultipath, isRunning } from "./paths.ts";

/** Where an event meets a path. */
export interface Context {
  readonly policy: Policy;
  readonly array: ArrayState;
  readonly nowMs: number;
  /** What is to be done; appended to. */
  readonly actions: Action[];
  /** The last ticket that any path had. */
  readonly tickets: { last: number };
}

type Cell = (path: PathState, context: Context, event: PathEvent) => void;

function report(context: Context, event: EventName, path: PathState, text: string): void {
  const array = context.array.sight.name;
  context.actions.push({ type: "report", event, array, path: path.name, text });
}

/** A ticket that no other test has, not even of a path that had the same name in another array of this name: earlier answers are late. */
function renew(path: PathState, { tickets }: Context): number {
  path.ticket = ++tickets.last;
  return path.ticket;
}

function nextTicket(context: Context, path: PathState): Target {
  return { array: context.array.sight.name, path: path.name, ticket: renew(path, context) };
}

function probe(path: PathState, context: Context, inUse: boolean): void {
  const target = nextTicket(context, path);
  path.phase = inUse ? "checking" : "probing";
  path.dueMs = undefined;
  path.checks++;
  const { lost, hangs } = path;
  const alone = hangs > 0;
  context.actions.push({ type: "probe", target, alone, search: lost && !inUse, inUse });
}

/** Back to waiting for the next test. */
function wait(path: PathState, context: Context, phase: Phase): void {
  path.phase = phase;
  path.dueMs = context.nowMs + pauseMs(context.policy, othersWork(context.array, path));
}

const nothing: Cell = () => {};
const late: Cell = () => {};

const fail: Cell = (path, context) => {
  const { nowMs, policy } = context;
  path.flaps = flapsAfterFailure(path, nowMs);
  path.failedMs = nowMs;
  // It was found dead before the kernel noticed: then nobody failed it on purpose.
  path.faultSeen = path.suspectMs !== undefined;
  path.suspectMs = undefined;
  path.checks = 0;
  path.deadChecks = 0;
  path.hangs = 0;
  path.phase = "failed";
  path.dueMs = nowMs + Math.min(FIRST_CHECK_MS, policy.intervalMs);
  path.finding = "not tested yet";
  renew(path, context);
  report(context, "Fail", path, "the kernel has given it up");
  if (path.flaps >= FLAP_REPORTED) {
    report(context, "PathFlapping", path, `failed ${path.flaps} times soon after its return`);
  }
};

/** In use again, by whatever hand. */
const becomeActive: Cell = (path, context) => {
  path.phase = "active";
  path.dueMs = undefined;
  path.hangs = 0;
  path.lost = false;
  path.unbound = false;
  path.suspectMs = undefined;
  path.finding = "";
  renew(path, context);
  report(context, "SpareActive", path, "in use again");
};

const forget: Cell = (path, context) => {
  context.array.paths.delete(path.name);
  report(context, "PathRemoved", path, "removed by hand, and left to whoever did so");
};

const lose: Cell = (path, context) => {
  if (!path.lost) report(context, "PathLost", path, "its device has left the system");
  path.lost = true;
  path.faultSeen = true;
  path.condition = "faulty";
  renew(path, context);
  path.finding = "device not there";
  wait(path, context, "failed");
};

/** A device that is gone while the kernel has not used it since. */
const loseInUse: Cell = (path, context) => {
  if (path.suspectMs !== undefined) return;
  path.suspectMs = context.nowMs;
  path.finding = "device not there";
  report(
    context,
    "StandbyFailed",
    path,
    "its device has left the system, which md has not noticed",
  );
};

const test: Cell = (path, context) => probe(path, context, false);
const check: Cell = (path, context) => probe(path, context, true);

function reasonOf(event: PathEvent): string {
  return "reason" in event ? event.reason : "";
}

/** 1st, 10th, 100th … */
function isRound(count: number): boolean {
  return Number.isInteger(Math.log10(count));
}

const stillDead: Cell = (path, context, event) => {
  path.faultSeen = true;
  path.hangs = 0;
  path.deadChecks++;
  path.finding = reasonOf(event);
  if (isRound(path.deadChecks)) {
    report(context, "PathProbeFailed", path, `test ${path.deadChecks}: ${path.finding}`);
  }
  wait(path, context, "failed");
};

/** The test did not come about, which says nothing of the path. */
function isUntested(event: PathEvent): boolean {
  return "untested" in event && event.untested === true;
}

const hang: Cell = (path, context, event) => {
  if (isUntested(event)) return wait(path, context, "failed");
  path.faultSeen = true;
  path.hangs++;
  path.finding = reasonOf(event);
  if (path.hangs === 1) report(context, "PathProbeFailed", path, path.finding);
  wait(path, context, "hung");
  // More children would only hang beside the first ones; the end of one of them is the news to wait for.
  if (path.hangs >= HUNG_TRIES) path.dueMs = undefined;
};

const refuse: Cell = (path, context, event) => {
  const reason = reasonOf(event);
  path.hangs = 0;
  if (path.finding !== reason) report(context, "PathRefused", path, `left alone: ${reason}`);
  path.finding = reason;
  wait(path, context, "refused");
};

/** Why nothing may be put back into the array now. */
function obstacle({ array: { sight } }: Context): string | undefined {
  if (!isRunning(sight)) return `the array is ${sight.state || "not running"}`;
  if (isMultipath(sight)) return undefined;
  if (!sight.hasBitmap) return "the array has no write-intent bitmap, and so would be overwritten";
  return sight.syncing ? "the array is being synchronised" : undefined;
}

const decide: Cell = (path, context, event) => {
  const { policy, array, nowMs } = context;
  path.hangs = 0;
  path.deadChecks = 0;
  const works = othersWork(array, path);
  const hold = holdOf(path, policy, isMultipath(array.sight), works, nowMs);
  const obstruction = obstacle(context);
  const reason = hold?.reason ?? obstruction ?? (policy.dryRun ? "this is a dry run" : undefined);
  if (reason === undefined) return restore(path, context, event);
  if (path.finding !== reason) report(context, "PathHeld", path, `works, but waits: ${reason}`);
  path.finding = reason;
  wait(path, context, "held");
  // What ends at a known time is looked at then.
  const untilMs = hold?.untilMs ?? Infinity;
  path.dueMs = Math.min(path.dueMs ?? Infinity, Math.max(untilMs, nowMs + FIRST_CHECK_MS));
};

const restore: Cell = (path, context, event) => {
  path.phase = "restoring";
  path.dueMs = undefined;
  path.finding = "being put back";
  const device = event.type === "proven" ? event.name : undefined;
  context.actions.push({ type: "restore", target: nextTicket(context, path), device });
};

const welcome: Cell = (path, context, event) => {
  const name = event.type === "restored" ? event.name : undefined;
  if (name !== undefined && name !== path.name) {
    context.array.paths.delete(path.name);
    context.array.paths.set(name, path);
    path.name = name;
  }
  path.condition = "working";
  path.backMs = context.nowMs;
  path.returns++;
  becomeActive(path, context, event);
};

const stayOut: Cell = (path, context, event) => {
  // The kernel has taken it all the same, or somebody else has put it back.
  if (path.condition === "working") return becomeActive(path, context, event);
  const reason = reasonOf(event);
  if (path.finding !== reason) report(context, "RestoreFailed", path, reason);
  path.finding = reason;
  wait(path, context, "failed");
};

/**
 * The child that was to put it back hangs in the kernel, and may go on with it at any time. Another would only hang beside it: the end of
 * that one is waited for.
 */
const hangOut: Cell = (path, context, event) => {
  stayOut(path, context, event);
  if (isUntested(event) || path.phase === "active") return;
  path.phase = "hung";
  path.dueMs = undefined;
};

/** Shown to be another just before it was put back; if somebody else was faster, all that is left is to say so. */
const stayRefused: Cell = (path, context, event) => {
  if (path.condition !== "working") return refuse(path, context, event);
  report(context, "PathRefused", path, `put back by another hand, but ${reasonOf(event)}`);
  becomeActive(path, context, event);
};

/** Put back, and then shown to be another: the child has failed it again. */
const throwOut: Cell = (path, context, event) => {
  path.condition = "faulty";
  path.failedMs = context.nowMs;
  path.returns++;
  path.finding = "";
  refuse(path, context, event);
};

/** A path in use answered. */
const clear: Cell = (path, context) => {
  path.phase = "active";
  path.hangs = 0;
  if (path.suspectMs !== undefined) report(context, "PathAnswers", path, "answers again");
  path.suspectMs = undefined;
  path.finding = "";
};

/** A path in use did not answer, or not as itself. It is never failed by us: the kernel finds out when it uses it. */
const suspect: Cell = (path, context, event) => {
  path.phase = "active";
  path.finding = reasonOf(event);
  const isNews = path.suspectMs === undefined;
  path.suspectMs ??= context.nowMs;
  if (!isNews) return;
  const isLast = !othersWork(context.array, path);
  report(context, isLast ? "LastPathSuspect" : "StandbyFailed", path, path.finding);
};

const suspectHung: Cell = (path, context, event) => {
  if (isUntested(event)) {
    path.phase = "active";
    return;
  }
  path.hangs++;
  suspect(path, context, event);
};

/** What stood in the way has come back: at once another test. */
const retry: Cell = (path, context) => {
  path.hangs = 0;
  path.dueMs = context.nowMs;
};

type Row = Readonly<Record<PathEventType, Cell>>;

/** Answers that a phase does not wait for. */
const NO_ANSWERS = { dead: late, hung: late, refused: late, proven: late } as const;
const NO_RESTORATION = { restored: late, unrestored: late, wrong: late } as const;
/** A path outside, seen by the kernel's account. */
const OUTSIDE = {
  faulty: nothing,
  working: becomeActive,
  removed: forget,
  vanished: lose,
} as const;

export const TABLE: Readonly<Record<Phase, Row>> = {
  active: {
    faulty: fail,
    working: nothing,
    removed: forget,
    vanished: loseInUse,
    due: check,
    released: retry,
    ...NO_ANSWERS,
    ...NO_RESTORATION,
  },
  checking: {
    faulty: fail,
    working: nothing,
    removed: forget,
    vanished: loseInUse,
    due: nothing,
    released: nothing,
    dead: suspect,
    hung: suspectHung,
    refused: suspect,
    proven: clear,
    ...NO_RESTORATION,
  },
  failed: { ...OUTSIDE, due: test, released: nothing, ...NO_ANSWERS, ...NO_RESTORATION },
  probing: {
    ...OUTSIDE,
    due: nothing,
    released: nothing,
    dead: stillDead,
    hung: hang,
    refused: refuse,
    proven: decide,
    ...NO_RESTORATION,
  },
  hung: { ...OUTSIDE, due: test, released: retry, ...NO_ANSWERS, ...NO_RESTORATION },
  held: { ...OUTSIDE, due: test, released: nothing, ...NO_ANSWERS, ...NO_RESTORATION },
  refused: { ...OUTSIDE, due: test, released: nothing, ...NO_ANSWERS, ...NO_RESTORATION },
  restoring: {
    // What the kernel shows meanwhile is our own doing; the child's answer says how it ended.
    faulty: nothing,
    working: nothing,
    removed: nothing,
    vanished: nothing,
    due: nothing,
    released: nothing,
    dead: stayOut,
    hung: hangOut,
    refused: stayRefused,
    proven: late,
    restored: welcome,
    unrestored: stayOut,
    wrong: throwOut,
  },
};
