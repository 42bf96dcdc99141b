/**
 * What happens to a mirror in each of its phases. A cell finds what the event carries in the context: the kernel's `request`, the
 * delivered `message` and its sender `node`, the `node` that joined or left, the `error` of a disk.
 */
import type { Context } from "./context.ts";
import {
  deferRequest,
  deliverCheckpoint,
  deliverLateCheckpoint,
  deliverRequest,
  deliverResponse,
  noteSuspend,
  replay,
} from "./delivery.ts";
import { endRound, giveUpWriters, writeEnded } from "./flush.ts";
import { clearIdle, flushIdle } from "./front.ts";
import {
  abandonJoin,
  beginJoin,
  executeResume,
  logRead,
  logWritten,
  retryJoin,
  tryJoin,
} from "./joining.ts";
import { leaveWhenQuiet, lose } from "./leaving.ts";
import {
  askAndHold,
  askGroup,
  askPending,
  destroyJoined,
  destroyPending,
  refuseLeaving,
  resumeAgain,
  suspendJoined,
  suspendJoining,
  suspendPending,
} from "./kernel_requests.ts";
import { joinedEarly, joinedValid, leftEarly, leftValid, resend } from "./membership.ts";
import type { DiskLog, Mirror, Phase } from "./mirror.ts";
import { sendOutbox } from "./send.ts";
import { sendReady } from "./startup.ts";

export type MirrorEvent =
  /* the kernel's */
  | "resume"
  | "suspend"
  | "destroy"
  | "ask"
  /* the group's */
  | "request"
  | "response"
  | "checkpoint"
  | "otherSuspends"
  | "joined"
  | "left"
  | "dispatched"
  | "lost"
  /* the disk's, and the clock's */
  | "read"
  | "written"
  | "due";

export type Cell = (context: Context, mirror: Mirror) => void;

/** Cannot come, or comes late from a group that was left: nothing is done. */
const never: Cell = () => {};
const ignore: Cell = () => {};

/** At the end of a round of deliveries. */
const endOfRound: Cell = (context, mirror) => {
  sendReady(context, mirror);
  resend(context, mirror);
};

const whileLeaving: Cell = (context, mirror) => leaveWhenQuiet(context, mirror);

const read: Cell = (context, mirror) => logRead(context, mirror, mirror.disk as DiskLog);

/** It was begun for a group that is gone. */
const readLate: Cell = (_context, mirror) => {
  (mirror.disk as DiskLog).reading = false;
};

/** The first write of a first member. */
const writtenFirst: Cell = (context, mirror) => {
  if (!writeEnded(context, mirror, mirror.disk as DiskLog)) return;
  logWritten(context, mirror, mirror.disk as DiskLog);
  replay(context, mirror);
  if (!context.original) endOfRound(context, mirror);
};

const written: Cell = (context, mirror) => {
  const disk = mirror.disk as DiskLog;
  if (!writeEnded(context, mirror, disk)) return;
  endRound(context, mirror, disk);
  if (mirror.ready.length > 0 && !context.original) sendReady(context, mirror);
};

const writtenLeaving: Cell = (context, mirror) => {
  written(context, mirror);
  leaveWhenQuiet(context, mirror);
};

/** A write that was begun before the group was lost. */
const writtenLate: Cell = (context, mirror) => {
  writeEnded(context, mirror, mirror.disk as DiskLog);
};

/** Sends again what corosync would not take. */
const dueLoading: Cell = (context, mirror) => {
  const { retryDueMs } = mirror;
  if (retryDueMs !== undefined && retryDueMs <= context.nowMs) sendOutbox(context, mirror);
};

const dueValid: Cell = (context, mirror) => {
  dueLoading(context, mirror);
  if (mirror.writers.size > 0 && mirror.writersDueMs <= context.nowMs) {
    giveUpWriters(context, mirror);
  }
  clearIdle(context, mirror, context.nowMs);
  const { flushDueMs } = mirror;
  if (flushDueMs !== undefined && flushDueMs <= context.nowMs) flushIdle(context, mirror);
};

const dueJoining: Cell = (context, mirror) => {
  if (mirror.dueMs === undefined || mirror.dueMs > context.nowMs) return;
  mirror.dueMs = undefined;
  tryJoin(context, mirror);
};

const dueJoined: Cell = (context, mirror) => {
  dueLoading(context, mirror);
  if (mirror.dueMs === undefined || mirror.dueMs > context.nowMs) return;
  mirror.dueMs = undefined;
  retryJoin(context, mirror);
};

const dueLeaving: Cell = (context, mirror) => {
  dueLoading(context, mirror);
  leaveWhenQuiet(context, mirror);
};

const resumeKept: Cell = (context, mirror) => resumeAgain(context, mirror);
const ownResume: Cell = (context, mirror) => {
  // Each task of the kernel that waits introduces the mirror once more.
  if (mirror.log.resumed && !context.original) context.replies.error(context.request, 0);
  else if (mirror.log.resumed) executeResume(context, mirror, context.request);
  else resumeAgain(context, mirror);
};

/** Phase × event. */
export const TABLE: Readonly<Record<Phase, Readonly<Record<MirrorEvent, Cell>>>> = {
  pending: {
    resume: beginJoin,
    suspend: suspendPending,
    destroy: destroyPending,
    ask: askPending,
    request: never,
    response: never,
    checkpoint: never,
    otherSuspends: never,
    joined: never,
    left: never,
    dispatched: ignore,
    lost: never,
    read: readLate,
    written: writtenLate,
    due: ignore,
  },
  joining: {
    resume: resumeKept,
    suspend: suspendJoining,
    destroy: abandonJoin,
    ask: askAndHold,
    request: never,
    response: never,
    checkpoint: never,
    otherSuspends: never,
    joined: never,
    left: never,
    dispatched: ignore,
    lost: never,
    read: readLate,
    written: writtenLate,
    due: dueJoining,
  },
  invalid: {
    resume: resumeKept,
    suspend: suspendJoined,
    destroy: destroyJoined,
    ask: askGroup,
    request: deferRequest,
    response: deliverResponse,
    checkpoint: deliverCheckpoint,
    otherSuspends: noteSuspend,
    joined: joinedEarly,
    left: leftEarly,
    dispatched: ignore,
    lost: lose,
    read: ignore,
    written: writtenLate,
    due: dueJoined,
  },
  loading: {
    resume: resumeKept,
    suspend: suspendJoined,
    destroy: destroyJoined,
    ask: askGroup,
    request: deferRequest,
    response: deliverResponse,
    checkpoint: ignore,
    otherSuspends: noteSuspend,
    joined: joinedEarly,
    left: leftEarly,
    dispatched: ignore,
    lost: lose,
    read,
    written: writtenFirst,
    due: dueLoading,
  },
  valid: {
    resume: ownResume,
    suspend: suspendJoined,
    destroy: destroyJoined,
    ask: askGroup,
    request: deliverRequest,
    response: deliverResponse,
    checkpoint: deliverLateCheckpoint,
    otherSuspends: noteSuspend,
    joined: joinedValid,
    left: leftValid,
    dispatched: endOfRound,
    lost: lose,
    read: never,
    written,
    due: dueValid,
  },
  leaving: {
    resume: resumeKept,
    suspend: suspendJoined,
    destroy: destroyJoined,
    ask: refuseLeaving,
    request: ignore,
    response: ignore,
    checkpoint: ignore,
    otherSuspends: noteSuspend,
    joined: ignore,
    left: ignore,
    dispatched: whileLeaving,
    lost: lose,
    read: never,
    written: writtenLeaving,
    due: dueLeaving,
  },
};
