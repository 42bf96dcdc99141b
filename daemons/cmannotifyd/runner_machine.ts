/** One notification's scripts, one after the other: a table of phases and events. Pure. */
import { KILL_GRACE_MS } from "./limits.ts";

/** running: a script runs. terminating: its time was up, and it was told so. killing: it did not listen. */
export const RUNNER_PHASES = ["idle", "running", "terminating", "killing"] as const;
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
}

export const IDLE: Readonly<RunnerState> = {
  timeoutMs: 0,
  phase: "idle",
  sequence: 0,
  rest: [],
  current: "",
  startedMs: 0,
  count: 0,
};

export type RunnerEvent =
  | { readonly type: "run"; readonly sequence: number; readonly scripts: readonly string[] }
  | { readonly type: "spawned"; readonly pid: number }
  | { readonly type: "spawnFailed"; readonly reason: string }
  | { readonly type: "exited"; readonly how: string }
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
  /** To the script and all that it started. */
  | { readonly type: "signal"; readonly signal: "SIGTERM" | "SIGKILL" };

type EventType = RunnerEvent["type"];
export const RUNNER_EVENTS: readonly EventType[] = [
  "run",
  "spawned",
  "spawnFailed",
  "exited",
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

const terminate: Cell<"timeUp"> = (state, _event, { actions }) => {
  state.phase = "terminating";
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
  timeUp: impossible,
} as const;

const TABLE: Readonly<Record<RunnerPhase, Row>> = {
  idle: { ...NONE, run },
  running: { ...NONE, spawned, spawnFailed, exited, timeUp: terminate },
  terminating: { ...NONE, exited, timeUp: kill },
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
