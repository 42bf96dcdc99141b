/**
 * What the daemon does when: a table of phase × event.
 *
 * Pure. step() changes the state and returns what is to be done; what comes of it (`looked`, `listed` …) is the next event.
 *
 *     watching   input is read; nothing to be done
 *     working    a piece of work is under way
 *     resting    work was done just now: input waits, and with it what would be done again
 *     ended      for good
 */
import type { FollowMode } from "./arguments.ts";
import {
  EMPTY_GRACE_MS,
  HOLDER_CHECK_MS,
  HOLDER_FACTOR,
  HOLDER_FIRST_MS,
  LIST_FACTOR,
  LIST_INTERVAL_MS,
  LIST_MAX_MS,
  MISSING_GRACE_MS,
  MISSING_STEP_MS,
  REST_FACTOR,
  REST_MAX_MS,
  REST_MIN_MS,
  SETTLE_FRACTION,
  SETTLE_MAX_MS,
  SETTLE_MIN_MS,
  TRIM_FACTOR,
  TRIM_FIRST_MS,
  TRIM_MAX_MS,
  TURN_REST_MAX_MS,
} from "./limits.ts";

export type Phase = "watching" | "working" | "resting" | "ended";

/**
 * Work, in the order in which it is done: list the regions, see who else holds an unlinked file, look at the extents and bring the
 * regions in line, see whether somebody may write.
 */
export type Work = "list" | "holders" | "look" | "probe";
const ORDER: readonly Work[] = ["list", "holders", "look", "probe"];

export type TimerName =
  | "rest"
  | "settle"
  | "trim"
  | "check"
  | "empty"
  | "missing"
  | "holders"
  | "list";

/**
 * "mapped": the regions are those of the extents, as far as they can be; "empty": no extents and none to come; "missing": no file at
 * the path; "refused": the file cannot be followed; "gone": the group has gone.
 */
export type LookOutcome = "mapped" | "empty" | "missing" | "refused" | "gone";

export type Event =
  /** Data or size of the file, or its last writer has closed it. */
  | { readonly type: "changed" }
  /** Somebody opened the file. */
  | { readonly type: "opened" }
  /** Somebody closed the file, without having been able to write. */
  | { readonly type: "closed" }
  /** The file's names or attributes, or what is at the path. */
  | { readonly type: "moved" }
  /** Somebody used device-mapper. */
  | { readonly type: "controlUsed" }
  /** An update was asked for. */
  | { readonly type: "asked" }
  | { readonly type: "stopped" }
  | { readonly type: "timer"; readonly timer: TimerName }
  | {
    readonly type: "looked";
    readonly outcome: LookOutcome;
    /** Data wait to be allocated. */
    readonly unsettled: boolean;
    /** Space behind the file's end is mapped, or blocks are shared: the extents may change without an event. */
    readonly mayMove: boolean;
    /** Regions were changed. */
    readonly changed: boolean;
    /** There is more to change. */
    readonly more: boolean;
    readonly writer: boolean;
    readonly tookMs: number;
  }
  /** Another daemon is changing regions of the device just now. */
  | { readonly type: "lookedLater"; readonly waitMs: number }
  | { readonly type: "listed"; readonly present: boolean; readonly tookMs: number }
  /** The regions could not be listed. */
  | { readonly type: "listFailed" }
  | { readonly type: "probed"; readonly writer: boolean; readonly tookMs: number }
  | { readonly type: "holdersSeen"; readonly links: number; readonly others: boolean };

export type EventType = Event["type"];

/** Why the daemon ends. */
export type Ending = "removed" | "empty" | "unlinked" | "missing" | "refused" | "stopped";

export type Action =
  | { readonly do: "work"; readonly work: Work }
  | { readonly do: "arm"; readonly timer: TimerName; readonly ms: number }
  | { readonly do: "cancel"; readonly timer: TimerName }
  /** Input is left where it is, or read again. */
  | { readonly do: "pause" | "resume" }
  /** Deletes the group with its regions. */
  | { readonly do: "dissolve" }
  /** The file has lost its last name, or has one again. */
  | { readonly do: "note"; readonly note: "unlinked" | "linked" }
  | { readonly do: "end"; readonly why: Ending };

export interface Settings {
  readonly mode: FollowMode;
  /** The least time between two changes of the regions. */
  readonly updateIntervalMs: number;
  /** How often a file is looked at that may change without an event. */
  readonly checkIntervalMs: number;
}

export interface State {
  readonly settings: Settings;
  phase: Phase;
  readonly pending: Set<Work>;
  /** How long to rest after the work that is being done. */
  restMs: number;
  /** When data were first seen to wait for allocation since the file last changed. */
  unsettledSinceMs: number | undefined;
  mayMove: boolean;
  /** When extents that may change without an event are looked at again. */
  trimInMs: number;
  emptySinceMs: number | undefined;
  missingSinceMs: number | undefined;
  isUnlinked: boolean;
  /** When other holders of an unlinked file are looked for again. */
  holdersInMs: number;
  hasWriter: boolean;
  /** When the regions may be listed again. */
  listAtMs: number;
}

export function initialState(settings: Settings): State {
  return {
    settings,
    phase: "watching",
    pending: new Set(),
    restMs: 0,
    unsettledSinceMs: undefined,
    mayMove: false,
    trimInMs: TRIM_FIRST_MS,
    emptySinceMs: undefined,
    missingSinceMs: undefined,
    isUnlinked: false,
    holdersInMs: HOLDER_FIRST_MS,
    hasWriter: false,
    listAtMs: 0,
  };
}

type Handler<T extends EventType> = (
  state: State,
  event: Extract<Event, { type: T }>,
  nowMs: number,
) => Action[];

function arm(timer: TimerName, ms: number): Action {
  return { do: "arm", timer, ms };
}

function cancel(timer: TimerName): Action {
  return { do: "cancel", timer };
}

function end(state: State, why: Ending): Action[] {
  state.phase = "ended";
  return [{ do: "end", why }];
}

/** Begins what is pending, or rests behind what was done, or watches. */
function proceed(state: State): Action[] {
  const work = ORDER.find((one) => state.pending.has(one));
  if (work !== undefined) {
    state.pending.delete(work);
    // A look sees writers, too.
    if (work === "look") state.pending.delete("probe");
    const isFirst = state.phase === "watching";
    state.phase = "working";
    return [...(isFirst ? [{ do: "pause" } as const] : []), { do: "work", work }];
  }
  if (state.phase !== "resting") return pause(state);
  state.phase = "watching";
  return [{ do: "resume" }];
}

/** Lets others have their turn before anything else is done. */
function pause(state: State): Action[] {
  state.phase = "resting";
  const ms = state.restMs;
  state.restMs = 0;
  return [arm("rest", ms)];
}

function rest(state: State, tookMs: number, leastMs: number): void {
  state.restMs = Math.max(state.restMs, leastMs, Math.min(REST_FACTOR * tookMs, REST_MAX_MS));
}

/** Work that has become due: done at once when nothing is, else when its turn comes. */
function due(state: State, ...works: Work[]): Action[] {
  for (const work of works) state.pending.add(work);
  return state.phase === "watching" ? proceed(state) : [];
}

/** Listing takes long where there are many regions, and others may use device-mapper often. */
function listSoon(state: State, nowMs: number): Action[] {
  const waitMs = state.listAtMs - nowMs;
  return waitMs <= 0 ? due(state, "list") : [arm("list", waitMs)];
}

const HANDLERS: { readonly [T in EventType]: Handler<T> } = {
  changed: (state, _, nowMs) => {
    if (state.unsettledSinceMs !== undefined) state.unsettledSinceMs = nowMs;
    state.trimInMs = TRIM_FIRST_MS;
    return due(state, "look");
  },
  // To see who has a path open the watch is set anew: what was written meanwhile is only found by a look.
  opened: (state) => due(state, state.settings.mode === "inode" ? "probe" : "look"),
  closed: (state) => {
    state.holdersInMs = HOLDER_FIRST_MS;
    return state.isUnlinked ? due(state, "holders") : [];
  },
  moved: (state) => due(state, state.settings.mode === "inode" ? "holders" : "look"),
  controlUsed: (state, _, nowMs) => listSoon(state, nowMs),
  asked: (state) => due(state, "list", "look"),
  stopped: (state) => end(state, "stopped"),
  timer: (state, { timer }, nowMs) => TIMERS[timer](state, nowMs),
  listed: (state, { present, tookMs }, nowMs) => {
    if (!present) return end(state, "removed");
    state.listAtMs = nowMs +
      Math.max(LIST_INTERVAL_MS, Math.min(LIST_FACTOR * tookMs, LIST_MAX_MS));
    rest(state, 0, REST_MIN_MS);
    // What others have changed may be put right.
    state.pending.add("look");
    return proceed(state);
  },
  listFailed: (state) => end(state, "refused"),
  probed: (state, { writer, tookMs }) => {
    rest(state, tookMs, REST_MIN_MS);
    return [...seeWriter(state, writer), ...proceed(state)];
  },
  holdersSeen: (state, { links, others }) => {
    rest(state, 0, REST_MIN_MS);
    const wasUnlinked = state.isUnlinked;
    state.isUnlinked = links === 0;
    if (links === 0 && !others) return end(state, "unlinked");
    return [...noteLinks(state, wasUnlinked), ...proceed(state)];
  },
  lookedLater: (state, { waitMs }) => {
    state.pending.add("look");
    rest(state, 0, waitMs);
    return pause(state);
  },
  looked: (state, event, nowMs) => {
    const { outcome, changed, tookMs, more, writer } = event;
    if (outcome === "refused") return end(state, "refused");
    if (outcome === "gone") state.pending.add("list");
    if (more) state.pending.add("look");
    const leastMs = Math.min(state.settings.updateIntervalMs, more ? TURN_REST_MAX_MS : Infinity);
    rest(state, more ? 0 : tookMs, changed ? leastMs : REST_MIN_MS);
    const seen = [
      ...seeMissing(state, outcome === "missing", nowMs),
      ...seeEmpty(state, outcome === "empty", nowMs),
      ...seeUnsettled(state, event.unsettled, nowMs),
      ...seeMayMove(state, event.mayMove),
      ...seeWriter(state, writer),
    ];
    if (isLost(state, nowMs)) return [...seen, ...end(state, "missing")];
    return [...seen, ...(isOver(state, nowMs) ? finish(state) : pause(state))];
  },
};

const TIMERS: Readonly<Record<TimerName, (state: State, nowMs: number) => Action[]>> = {
  rest: (state) => state.phase === "resting" ? proceed(state) : [],
  settle: (state) => due(state, "look"),
  trim: (state) => due(state, "look"),
  check: (state) => due(state, "look"),
  empty: (state) => due(state, "look"),
  holders: (state) => due(state, "holders"),
  list: (state) => due(state, "list"),
  missing: (state) => due(state, "look"),
};

/** A file may come back without an event, such as with a folder that takes another's place. */
function seeMissing(state: State, missing: boolean, nowMs: number): Action[] {
  if (!missing) {
    const wasMissing = state.missingSinceMs !== undefined;
    state.missingSinceMs = undefined;
    return wasMissing ? [cancel("missing")] : [];
  }
  state.missingSinceMs ??= nowMs;
  return [arm("missing", MISSING_STEP_MS)];
}

function isLost({ missingSinceMs }: State, nowMs: number): boolean {
  return missingSinceMs !== undefined && nowMs - missingSinceMs >= MISSING_GRACE_MS;
}

function seeEmpty(state: State, empty: boolean, nowMs: number): Action[] {
  if (!empty) {
    const wasEmpty = state.emptySinceMs !== undefined;
    state.emptySinceMs = undefined;
    return wasEmpty ? [cancel("empty")] : [];
  }
  if (state.emptySinceMs !== undefined) return [];
  state.emptySinceMs = nowMs;
  return [arm("empty", EMPTY_GRACE_MS)];
}

function isOver(state: State, nowMs: number): boolean {
  return state.emptySinceMs !== undefined && nowMs - state.emptySinceMs >= EMPTY_GRACE_MS;
}

function finish(state: State): Action[] {
  return [{ do: "dissolve" }, ...end(state, "empty")];
}

/** Nothing tells when data are allocated: the file is looked at again, ever less often. */
function seeUnsettled(state: State, unsettled: boolean, nowMs: number): Action[] {
  if (!unsettled) {
    const wasUnsettled = state.unsettledSinceMs !== undefined;
    state.unsettledSinceMs = undefined;
    return wasUnsettled ? [cancel("settle")] : [];
  }
  state.unsettledSinceMs ??= nowMs;
  const waitedMs = nowMs - state.unsettledSinceMs;
  const ms = Math.min(Math.max(waitedMs / SETTLE_FRACTION, SETTLE_MIN_MS), SETTLE_MAX_MS);
  return [arm("settle", ms)];
}

/**
 * Nothing tells when the file system gives back what it allocated behind the end: right behind a close, or minutes later. Nor when
 * data written to shared blocks get their own.
 */
function seeMayMove(state: State, mayMove: boolean): Action[] {
  const couldMove = state.mayMove;
  state.mayMove = mayMove;
  if (!mayMove) return couldMove ? [cancel("trim")] : [];
  const timer = arm("trim", state.trimInMs);
  state.trimInMs = Math.min(TRIM_FACTOR * state.trimInMs, TRIM_MAX_MS);
  return [timer];
}

/** Who can write can also do so through a mapping or by io_submit(2), which raise no event: then, and only then, a timer runs. */
function seeWriter(state: State, writer: boolean): Action[] {
  const wasWriter = state.hasWriter;
  state.hasWriter = writer;
  if (writer) return [arm("check", state.settings.checkIntervalMs)];
  return wasWriter ? [cancel("check")] : [];
}

function noteLinks(state: State, wasUnlinked: boolean): Action[] {
  if (!state.isUnlinked) {
    return wasUnlinked ? [{ do: "note", note: "linked" }, cancel("holders")] : [];
  }
  const timer = arm("holders", state.holdersInMs);
  state.holdersInMs = Math.min(HOLDER_FACTOR * state.holdersInMs, HOLDER_CHECK_MS);
  if (wasUnlinked) return [timer];
  // The watch now also tells of readers that close the file: one may have done so just before.
  state.pending.add("holders");
  return [{ do: "note", note: "unlinked" }, timer];
}

/** Events that are answers to work. They cannot come in a phase in which none is under way. */
const ANSWERS: ReadonlySet<EventType> = new Set([
  ...["looked", "lookedLater", "listed", "listFailed", "probed", "holdersSeen"] as const,
]);

/** Whether an event can come in a phase; one that cannot is left without effect. */
export function isPossible(phase: Phase, type: EventType): boolean {
  if (phase === "ended") return false;
  return ANSWERS.has(type) === (phase === "working");
}

/**
 * Takes an event; what is to be done, in order. Total. While work is under way nothing else happens, since it is synchronous.
 */
export function step(state: State, event: Event, nowMs: number): Action[] {
  if (!isPossible(state.phase, event.type)) return [];
  const handler = HANDLERS[event.type] as Handler<EventType>;
  return handler(state, event as never, nowMs);
}

/** What holds between steps; a list of what does not. */
export function invariants(state: State): string[] {
  const wrong: string[] = [];
  if (state.phase === "watching" && state.pending.size > 0) wrong.push("work waits while watching");
  const { settings: { mode }, missingSinceMs, isUnlinked } = state;
  if (mode === "inode" && missingSinceMs !== undefined) wrong.push("an inode has no path");
  if (mode === "path" && isUnlinked) wrong.push("a path has no holders");
  return wrong;
}
