/** What the machine knows of arrays and paths, and what it wants done. Pure. */
import type { EventName } from "./events.ts";
import type { ArraySight, Condition } from "./paths.ts";

/**
 * active: in the array, nothing to do. checking: in the array, and being read. failed: faulty, the next test is due later. probing: it
 * is being tested. hung: a test, or a return, does not come back. held: proven, but kept waiting. refused: what answers is not proven to be the
 * path. restoring: it is being put back.
 */
export type Phase =
  | "active"
  | "checking"
  | "failed"
  | "probing"
  | "hung"
  | "held"
  | "refused"
  | "restoring";

export interface PathState {
  name: string;
  phase: Phase;
  condition: Condition;
  slot: number | undefined;
  /** When it was marked faulty, or is taken to have been. */
  failedMs: number;
  /** A test failed since; without one, an operator may have failed it. */
  faultSeen: boolean;
  /** `MAJOR:MINOR` when the array last listed it, and which disk since boot had that number; "" where nobody has seen it. */
  device: string;
  diskSequence: number | undefined;
  /** The array does not list it any more, by our own doing: it was half put back. */
  unbound: boolean;
  /** The device is not there; it is looked for, under any name. */
  lost: boolean;
  /** In the array, and did not answer when it was last read; since when. */
  suspectMs: number | undefined;
  /** When the next test is due. */
  dueMs: number | undefined;
  /** Tests since it failed, and how many of them in a row found it dead. */
  checks: number;
  deadChecks: number;
  /** Tests in a row that did not come back. */
  hangs: number;
  backMs: number | undefined;
  flaps: number;
  returns: number;
  /** What was found last, for people. */
  finding: string;
  /** Of the test or restoration under way: answers to earlier ones are late. */
  ticket: number;
}

export interface ArrayState {
  sight: ArraySight;
  readonly paths: Map<string, PathState>;
}

/** What happened to one path. */
export type PathEvent =
  | { readonly type: "faulty" | "working" | "removed" | "vanished" | "due" | "released" }
  | { readonly type: "proven"; readonly name?: string }
  | {
    readonly type: "dead" | "hung" | "refused" | "unrestored" | "wrong";
    readonly reason: string;
    /** Of an attempt to put it back: the array does not list it now. */
    readonly unbound?: boolean;
    /** The test did not take place. */
    readonly untested?: boolean;
  }
  | { readonly type: "restored"; readonly name?: string };

export type PathEventType = PathEvent["type"];

export interface Target {
  readonly array: string;
  readonly path: string;
  readonly ticket: number;
}

export type Action =
  /** Test a path; `alone`: in a child of its own. `search`: look for its device under any name. */
  | {
    readonly type: "probe";
    readonly target: Target;
    readonly alone: boolean;
    readonly search: boolean;
    /** In the array: only whether it answers is asked. */
    readonly inUse: boolean;
  }
  /** Put a path back; `device`: the name under which its device was found again. */
  | { readonly type: "restore"; readonly target: Target; readonly device: string | undefined }
  /** Read the identities of an array's working paths. */
  | { readonly type: "learn"; readonly array: string }
  | {
    readonly type: "report";
    readonly event: EventName;
    readonly array: string;
    readonly path: string | undefined;
    readonly text: string;
  };

/** A path that was never seen before. */
export function newPath(name: string, condition: Condition, nowMs: number): PathState {
  return {
    name,
    phase: condition === "faulty" ? "failed" : "active",
    condition,
    slot: undefined,
    device: "",
    diskSequence: undefined,
    failedMs: nowMs,
    faultSeen: false,
    unbound: false,
    lost: false,
    suspectMs: undefined,
    dueMs: undefined,
    checks: 0,
    deadChecks: 0,
    hangs: 0,
    backMs: undefined,
    flaps: 0,
    returns: 0,
    finding: "",
    ticket: 0,
  };
}

/** Whether it is out of the array, or about to be put back. */
export function isOut({ phase }: Pick<PathState, "phase">): boolean {
  return phase !== "active" && phase !== "checking";
}

/** Whether it is to come back though the array does not list it. */
export function isAwaited({ unbound, lost }: Pick<PathState, "unbound" | "lost">): boolean {
  return unbound || lost;
}

/** Paths in use that have answered, or were never asked. */
export function healthyPaths({ paths }: ArrayState): PathState[] {
  return [...paths.values()].filter(({ condition, suspectMs }) =>
    condition === "working" && suspectMs === undefined
  );
}

/** Whether the array has a path that works, `path` itself not counted. */
export function othersWork(array: ArrayState, path: PathState): boolean {
  return healthyPaths(array).some((other) => other !== path);
}
