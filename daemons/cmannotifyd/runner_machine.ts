/** One notification's scripts, one after the other: a table of phases and events. Pure. */
import { KILL_GRACE_MS, LINGER_LOOK_MS } from "./limits.ts";

/**
 * running: a script runs. terminating: its time was up, and it and all that it started were told so. lingering: it has ended, and what
 * it started has as long to do so as it had. killing: it did not listen, and neither it nor what it started is asked any more.
 */
export const RUNNER_PHASES = ["idle", "running", "terminating", "lingering", "killing"] as const;
export type RunnerPhase = typeof RUNNER_PHASES[number];

export interface RunnerState {
  /** For each script; 0: it may run for ever. */
  timeoutMs: number;
  phase: RunnerPhase;
  sequence: number;
  /** Those to come. */
  rest: readonly string[];
  current: string;
  startedMs: number;
  /** How many there were. */
  count: number;
  /** How the script that lingers ended. */
  how: string;
  /** When SIGKILL is due for one whose time is up. */
  killMs: number;
}

export const IDLE: Readonly<RunnerState> = {
  timeoutMs: 0,
  phase: "idle",
  sequence: 0,
  rest: [],
  current: "",
  startedMs: 0,
  count: 0,
  how: "",
  killMs: 0,
};

export type RunnerEvent =
  | { readonly type: "run"; readonly sequence: number; readonly scripts: readonly string[] }
  | { readonly type: "spawned"; readonly pid: number }
  | { readonly type: "spawnFailed"; readonly reason: string }
  /** Its number, and that of its group, is its own until `ended`. */
  | { readonly type: "exited"; readonly how: string }
  /** The answer to `count`. */
  | { readonly type: "others"; readonly count: number }
  /** The time that was set with `wakeAfter` is over. */
  | { readonly type: "timeUp" };

export type RunnerAction =
  | { readonly type: "spawn"; readonly script: string }
  | { readonly type: "started"; readonly script: string; readonly pid: number }
  | {
    readonly type: "ended";
    readonly script: string;
    readonly how: string;
    readonly ranMs: number;
    readonly timedOut: boolean;
  }
  | { readonly type: "done"; readonly sequence: number; readonly scripts: number }
  /** At most one is set at a time. */
  | { readonly type: "wakeAfter"; readonly delayMs: number }
  | { readonly type: "forgetWake" }
  /** How many processes that a script started, and that are still in its session, outlive it? */
  | { readonly type: "count" }
  /** To the script and all that it started. */
  | { readonly type: "signal"; readonly signal: "SIGTERM" | "SIGKILL" };

type EventType = RunnerEvent["type"];
export const RUNNER_EVENTS: readonly EventType[] = [
  "run",
  "spawned",
  "spawnFailed",
  "exited",
  "others",
  "timeUp",
];

interface Context {
  readonly nowMs: number;
  readonly actions: RunnerAction[];
}

type Cell<Type extends EventType> = (
  state: RunnerState,
  event: Extract<RunnerEvent, { type: Type }>,
  context: Context,
) => void;

function impossible(state: RunnerState, event: RunnerEvent): never {
  throw new Error(`"${event.type}" cannot happen in phase "${state.phase}"`);
}

function next(state: RunnerState, { nowMs, actions }: Context): void {
  const [script, ...rest] = state.rest;
  if (script === undefined) {
    state.phase = "idle";
    actions.push({ type: "done", sequence: state.sequence, scripts: state.count });
    return;
  }
  Object.assign(state, { phase: "running", current: script, rest, startedMs: nowMs });
  actions.push({ type: "spawn", script });
}

const run: Cell<"run"> = (state, { sequence, scripts }, context) => {
  Object.assign(state, { sequence, rest: scripts, count: scripts.length });
  next(state, context);
};

const spawned: Cell<"spawned"> = (state, { pid }, { actions }) => {
  actions.push({ type: "started", script: state.current, pid });
  if (state.timeoutMs > 0) actions.push({ type: "wakeAfter", delayMs: state.timeoutMs });
};

function end(state: RunnerState, how: string, context: Context): void {
  const ranMs = Math.max(0, Math.round(context.nowMs - state.startedMs));
  const timedOut = state.phase !== "running";
  context.actions.push({ type: "ended", script: state.current, how, ranMs, timedOut });
  next(state, context);
}

const spawnFailed: Cell<"spawnFailed"> = (state, { reason }, context) =>
  end(state, reason, context);

const exited: Cell<"exited"> = (state, { how }, context) => {
  if (state.timeoutMs > 0) context.actions.push({ type: "forgetWake" });
  end(state, how, context);
};

const linger: Cell<"exited"> = (state, { how }, { actions }) => {
  Object.assign(state, { phase: "lingering", how });
  actions.push({ type: "forgetWake" }, { type: "count" });
};

const counted: Cell<"others"> = (state, { count }, context) => {
  if (count === 0) return end(state, state.how, context);
  const leftMs = Math.max(0, state.killMs - context.nowMs);
  context.actions.push({ type: "wakeAfter", delayMs: Math.min(LINGER_LOOK_MS, leftMs) });
};

/** Nothing that was sent SIGKILL does anything any more, so it is not waited for: a dead device may hold it for long. */
const lookAgain: Cell<"timeUp"> = (state, _event, context) => {
  if (context.nowMs < state.killMs) return void context.actions.push({ type: "count" });
  context.actions.push({ type: "signal", signal: "SIGKILL" });
  end(state, state.how, context);
};

const terminate: Cell<"timeUp"> = (state, _event, { nowMs, actions }) => {
  Object.assign(state, { phase: "terminating", killMs: nowMs + KILL_GRACE_MS });
  actions.push({ type: "signal", signal: "SIGTERM" });
  actions.push({ type: "wakeAfter", delayMs: KILL_GRACE_MS });
};

const kill: Cell<"timeUp"> = (state, _event, { actions }) => {
  state.phase = "killing";
  actions.push({ type: "signal", signal: "SIGKILL" });
};

type Row = { readonly [Type in EventType]: Cell<Type> };

const NONE = {
  run: impossible,
  spawned: impossible,
  spawnFailed: impossible,
  exited: impossible,
  others: impossible,
  timeUp: impossible,
} as const;

const TABLE: Readonly<Record<RunnerPhase, Row>> = {
  idle: { ...NONE, run },
  running: { ...NONE, spawned, spawnFailed, exited, timeUp: terminate },
  terminating: { ...NONE, exited: linger, timeUp: kill },
  lingering: { ...NONE, others: counted, timeUp: lookAgain },
  killing: { ...NONE, exited },
};

/** Takes an event up and says what is to be done. Throws an Error for an event that cannot be. */
export function runnerStep(state: RunnerState, event: RunnerEvent, nowMs: number): RunnerAction[] {
  const context: Context = { nowMs, actions: [] };
  const cell = TABLE[state.phase][event.type] as (
    state: RunnerState,
    event: RunnerEvent,
    context: Context,
  ) => void;
  cell(state, event, context);
  return context.actions;
}
