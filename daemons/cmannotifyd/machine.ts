/**
 * From corosync's events to notifications: a table of phases and events. Every cell is here; `impossible` is one that no order of
 * events leads to, `late` one for what was on its way when the phase changed. Pure.
 */
import { RETRY_FIRST_MS, RETRY_LONGEST_MS } from "./limits.ts";
import type { Action, Event, EventType, Phase, Policy, State } from "./machine_state.ts";
import type { Notification, Reason } from "./notification.ts";
import { NotificationQueue } from "./queue.ts";

/** The state in front of the first event, which is `retryDue`. */
export function initialState(policy: Policy, queueLimit: number): State {
  return {
    policy,
    phase: "down",
    attempts: 0,
    wasUp: false,
    hasProvider: true,
    quorate: undefined,
    members: [],
    pending: undefined,
    reloadStatus: undefined,
    sequence: 0,
    queue: new NotificationQueue(queueLimit),
    running: undefined,
    complained: false,
    saidFull: false,
  };
}

/** Where an event meets the state. */
interface Context {
  readonly nowMs: number;
  /** What is to be done, in this order; appended to. */
  readonly actions: Action[];
}

type Cell<Type extends EventType = EventType> = (
  state: State,
  event: Extract<Event, { type: Type }>,
  context: Context,
) => void;

function log(context: Context, level: "info" | "warn" | "error", text: string): void {
  context.actions.push({ type: "log", level, text });
}

function runNext(state: State, context: Context): void {
  if (state.running !== undefined) return;
  const next = state.queue.shift();
  if (next === undefined) return;
  state.running = next;
  state.saidFull = false;
  if (next.merged > 0) {
    log(
      context,
      "warn",
      `notification ${next.sequence} stands for ${next.merged} older ones, too`,
    );
  }
  context.actions.push({ type: "run", notification: next });
}

type Details = Partial<Omit<Notification, "reason" | "sequence" | "timeMs" | "merged">>;

function notify(state: State, context: Context, reason: Reason, details: Details = {}): void {
  const sequence = ++state.sequence;
  const nothing = { initial: false, members: [], joined: [], left: [], merged: 0 };
  const { nowMs: timeMs } = context;
  const result = state.queue.push({ ...nothing, ...details, reason, sequence, timeMs });
  if (result === "merged" && !state.saidFull) {
    state.saidFull = true;
    log(context, "warn", `queue full: from notification ${sequence} on, they are merged`);
  }
  runNext(state, context);
  if (state.queue.isReportDue()) {
    log(context, "warn", `${state.queue.length} notifications wait for their scripts`);
  }
}

function without(ids: readonly number[], others: readonly number[]): number[] {
  return ids.filter((id) => !others.includes(id));
}

/** Takes up what a report of quorum says, and tells of it. */
function stateChange(
  state: State,
  context: Context,
  now: { quorate: boolean; ring: string; members: readonly number[] },
  initial: boolean,
): void {
  const { quorate, ring } = now;
  const members = now.members.toSorted((a, b) => a - b);
  const pending = state.pending?.ring === ring ? state.pending : undefined;
  const before = state.members;
  // After a reconnect, nobody reported what changed meanwhile: it is the difference.
  const lists = initial && state.wasUp
    ? { joined: without(members, before), left: without(before, members) }
    : { joined: pending?.joined ?? [], left: pending?.left ?? [] };
  const previous = state.quorate === undefined ? {} : { quorateBefore: state.quorate };
  state.quorate = quorate;
  state.members = members;
  state.pending = undefined;
  notify(state, context, "STATECHANGE", { initial, quorate, ring, members, ...lists, ...previous });
}

function disconnect(state: State, context: Context): void {
  context.actions.push({ type: "disconnect" });
  state.pending = undefined;
  state.reloadStatus = undefined;
}

/** The next attempt is due later, or there is none. */
function retry(state: State, context: Context, reason: string): void {
  const { startAttempts } = state.policy;
  state.phase = "down";
  state.attempts++;
  if (!state.wasUp && startAttempts > 0 && state.attempts >= startAttempts) {
    const times = `${state.attempts} attempts`;
    context.actions.push({
      type: "giveUp",
      reason: `cannot reach corosync in ${times}: ${reason}`,
    });
    return;
  }
  const delayMs = Math.min(
    RETRY_LONGEST_MS,
    RETRY_FIRST_MS * 2 ** Math.min(state.attempts - 1, 10),
  );
  context.actions.push({ type: "retryAfter", delayMs });
  if (state.complained) return;
  state.complained = true;
  log(context, "warn", `corosync cannot be reached, it is tried again until it can: ${reason}`);
}

function late(): void {}

function impossible(state: State, event: Event): never {
  throw new Error(`"${event.type}" cannot happen in phase "${state.phase}"`);
}

const probe: Cell<"retryDue"> = (state, _event, context) => {
  state.phase = "probing";
  context.actions.push({ type: "probe" });
};

const probed: Cell<"probed"> = (state, { result }, context) => {
  if (result === "silent") return retry(state, context, "it does not answer");
  // Also where nobody listens at the place that we know: the library may know another.
  state.phase = "connecting";
  context.actions.push({ type: "connect" });
};

const connected: Cell<"connected"> = (state, { hasProvider, reloadStatus }) => {
  state.phase = "reporting";
  state.hasProvider = hasProvider;
  state.reloadStatus = reloadStatus;
};

const connectFailed: Cell<"connectFailed"> = (state, { reason }, context) => {
  disconnect(state, context);
  retry(state, context, reason);
};

const lost: Cell<"lost"> = (state, { reason }, context) => {
  disconnect(state, context);
  state.attempts = 0;
  state.complained = false;
  retry(state, context, reason);
};

/** The first report: connected for good. Scripts are told how things are, or, where they are not to be, how they changed. */
const firstReport: Cell<"quorum"> = (state, { quorate, ...reported }, context) => {
  // Without a provider this report names no ring and nobody; the nodelist that came before it does.
  const { ring, members } = state.hasProvider ? reported : state.pending ?? reported;
  const now = { quorate, ring, members };
  log(context, "info", `connected to corosync, ${quorate ? "quorate" : "not quorate"}`);
  const isChange = state.quorate !== quorate || changed(state, members);
  const wasUp = state.wasUp;
  if (state.policy.startPair) notify(state, context, "CONFIG_UPDATE", { initial: true });
  if (state.policy.startPair || (wasUp && isChange)) stateChange(state, context, now, true);
  else Object.assign(state, { quorate, members, pending: undefined });
  state.phase = "up";
  state.wasUp = true;
  state.attempts = 0;
  state.complained = false;
};

function changed({ members }: State, now: readonly number[]): boolean {
  return without(members, now).length > 0 || without(now, members).length > 0;
}

const report: Cell<"quorum"> = (state, { quorate, ring, members }, context) => {
  stateChange(state, context, { quorate, ring, members }, false);
};

const keepNodelist: Cell<"nodelist"> = (state, { ring, members, joined, left }) => {
  state.pending = { ring, members, joined, left };
};

const nodelist: Cell<"nodelist"> = (state, event, context) => {
  keepNodelist(state, event, context);
  const { ring, members } = event;
  if (!state.hasProvider) stateChange(state, context, { quorate: true, ring, members }, false);
};

const reloadStatus: Cell<"reloadStatus"> = (state, { status }) => {
  state.reloadStatus = status;
};

/** corosync's exec/cfg.c sets config.reload_status to the cs_error_t of the reload: CS_OK is 1. */
const RELOAD_GOOD = 1;

const reloaded: Cell<"reloaded"> = (state, _event, context) => {
  const status = state.reloadStatus;
  if (status === undefined || status === RELOAD_GOOD) {
    return notify(state, context, "CONFIG_UPDATE");
  }
  log(
    context,
    "warn",
    `corosync refused its new configuration (status ${status}): no notification`,
  );
};

const shutdown: Cell<"shutdown"> = (state, { flags }, context) => {
  context.actions.push({ type: "agree" });
  notify(state, context, "TRY_SHUTDOWN", { shutdownFlags: flags });
};

const scriptsDone: Cell<"scriptsDone"> = (state, { sequence }, context) => {
  if (state.running?.sequence !== sequence) {
    throw new Error(`the scripts of notification ${sequence} do not run`);
  }
  state.running = undefined;
  runNext(state, context);
};

type Row = { readonly [Type in EventType]: Cell<Type> };

/** What only a connection brings: none of it without one. */
const UNCONNECTED = {
  quorum: late,
  nodelist: late,
  reloadStatus: late,
  reloaded: late,
  shutdown: late,
  scriptsDone,
} as const;

const NO_ATTEMPT = {
  retryDue: impossible,
  probed: impossible,
  connected: impossible,
  connectFailed: impossible,
} as const;

/** While the libraries connect, their descriptors are not watched yet: losing them is failing to connect. */
const TABLE: Readonly<Record<Phase, Row>> = {
  down: { ...NO_ATTEMPT, ...UNCONNECTED, retryDue: probe, lost: late },
  probing: { ...NO_ATTEMPT, ...UNCONNECTED, probed, lost: late },
  connecting: { ...NO_ATTEMPT, ...UNCONNECTED, connected, connectFailed, lost: impossible },
  reporting: {
    ...NO_ATTEMPT,
    lost,
    quorum: firstReport,
    nodelist: keepNodelist,
    reloadStatus,
    // The pair that is to come tells of it.
    reloaded: late,
    shutdown,
    scriptsDone,
  },
  up: {
    ...NO_ATTEMPT,
    lost,
    quorum: report,
    nodelist,
    reloadStatus,
    reloaded,
    shutdown,
    scriptsDone,
  },
};

/** Takes an event up and says what is to be done. `nowMs`: since the epoch. Throws an Error for an event that cannot be. */
export function step(state: State, event: Event, nowMs: number): Action[] {
  const context: Context = { nowMs, actions: [] };
  const cell = TABLE[state.phase][event.type] as Cell;
  cell(state, event, context);
  return context.actions;
}

/** What is wrong with a state: nothing, ever. */
export function invariants(state: State): string[] {
  const { queue, running, sequence, phase } = state;
  const waiting = running === undefined ? [...queue.items] : [running, ...queue.items];
  const sequences = waiting.map((item) => item.sequence);
  const wrong: string[] = [];
  if (running === undefined && queue.length > 0) wrong.push("notifications wait, and none runs");
  if (sequences.some((number) => number < 1 || number > sequence)) wrong.push("unknown sequence");
  if (new Set(sequences).size !== sequences.length) wrong.push("one notification waits twice");
  if (queue.length > queue.limit + 2) wrong.push(`${queue.length} notifications wait`);
  if (phase === "up" && !state.wasUp) wrong.push("up without having been");
  if (phase === "up" && state.quorate === undefined) wrong.push("up without knowing of quorum");
  if (waiting.some((item) => (item.reason === "STATECHANGE") !== (item.quorate !== undefined))) {
    wrong.push("quorum in the wrong kind of notification");
  }
  return wrong;
}
