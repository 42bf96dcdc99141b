/** What the group delivers: requests, responses, checkpoints; in the same order at every member. */
import { setU64 } from "../../src/wire/layout.ts";
import type { Context } from "./context.ts";
import { flush, noteWritten } from "./flush.ts";
import { executeOnLog, noteExecuted, takeLapse } from "./executed.ts";
import { executeResume } from "./joining.ts";
import { beginLeave } from "./leaving.ts";
import { remarkFor } from "./beside_original.ts";
import type { Entry } from "./entries.ts";
import { decodeMessage, type Message } from "./message.ts";
import type { Mirror } from "./mirror.ts";
import { answerOwn, forgetWorking, holdsFlush, releaseFlushes, respond } from "./send.ts";
import {
  defer,
  doubtCheckpoint,
  isResumeOf,
  loadCheckpoint,
  mergeCheckpoint,
  noteKinds,
  noteServed,
  owe,
  snapshotOwed,
} from "./startup.ts";
import {
  generationOf,
  hasTrailer,
  isLive,
  NO_ANSWER,
  recoveredByJoiner,
  writtenByJoiner,
} from "./trailer.ts";
import {
  CLEAR_REGION,
  FLUSH,
  GET_RESYNC_WORK,
  IS_REMOTE_RECOVERING,
  POSTSUSPEND,
  RESUME,
  SET_REGION_SYNC,
  word,
} from "./ulog.ts";

/** A request is executed, by a valid member that is or is not the server. */
export function execute(context: Context, mirror: Mirror, server: boolean): void {
  const { message, node, me } = context;
  if (message.type === RESUME) return hearResume(context, mirror);
  if (message.type === POSTSUSPEND) {
    if (node === me) beginLeave(context, mirror);
    return;
  }
  takeLapse(context, mirror, message);
  if (message.type === FLUSH) return flush(context, mirror, message, node, server);
  executeOnLog(context, mirror, message, node);
  answerExecuted(context, mirror, message, server);
}

/** Unless its kernel never stopped, a node recovers nothing any more, and what it had marked is left as its last life left it. */
function hearResume(context: Context, mirror: Mirror): void {
  const { message, node, me } = context;
  if (!context.original) {
    if (!isLive(message)) endLife(mirror, node);
    else mirror.log.claim(node, recoveredByJoiner(message), writtenByJoiner(message), me);
    mirror.log.recovery.known.set(node, hasTrailer(message));
    noteKinds(mirror);
    mirror.absent.delete(node);
    noteExecuted(mirror);
    releaseFlushes(context, mirror);
  }
  if (node === me) return executeResume(context, mirror, message);
  // Its checkpoint has no marks (D5), and its daemon writes only what it sees change (D4).
  if (!context.original && !hasTrailer(message)) remarkFor(context, mirror);
}

/** A node writes and recovers nothing any more. */
export function endLife(mirror: Mirror, node: number): void {
  const { log } = mirror;
  log.recovery.abandon(node);
  log.marks.bury(node);
  mirror.absent.delete(node);
  noteExecuted(mirror);
}

/** A node's daemon is gone. Its kernel goes on writing and copying. */
export function goesOn(mirror: Mirror, node: number): void {
  mirror.log.recovery.hold(node);
  mirror.absent.add(node);
  noteExecuted(mirror);
}

function answerExecuted(
  context: Context,
  mirror: Mirror,
  message: Message,
  server: boolean,
): void {
  const { node, me, original } = context;
  if (message.type === CLEAR_REGION) return;
  if (!original && hasTrailer(message) && generationOf(message) === NO_ANSWER) {
    if (node === me) answerOwn(context, mirror, message);
  } else if (server) respond(context, mirror, message, node, message.pitServer);
}

/** Delivered to a valid member. */
export function deliverRequest(context: Context, mirror: Mirror): void {
  noteDelivered(context, mirror);
  noteJoiner(context, mirror);
  execute(context, mirror, mirror.lowest === context.me);
  snapshotOwed(context, mirror);
}

/** Delivered before the log is there. The first member's own RESUME is not put off: it is what brings the log. */
export function deferRequest(context: Context, mirror: Mirror): void {
  const { message, node, me } = context;
  noteDelivered(context, mirror);
  noteJoiner(context, mirror);
  if (mirror.isFirst && node === me && message.type === RESUME) {
    mirror.phase = "valid";
    execute(context, mirror, mirror.lowest === me);
    replay(context, mirror);
  } else defer(context, mirror, message);
}

/** Who asks for the log after this node has joined has none, and writes none before it was sent one: it is not waited for. */
function noteJoiner(context: Context, mirror: Mirror): void {
  const { message, node, original } = context;
  if (message.type === RESUME && !original) noteWritten(context, mirror, node);
}

/**
 * No other member has a state: this one is the first. The original takes part from now on, with whatever is in its log; ours only
 * when its own RESUME has brought the log.
 */
export function becomeFirst(context: Context, mirror: Mirror): void {
  if (context.original) return becomeValid(context, mirror);
  mirror.isFirst = true;
  mirror.writers.clear();
  const { startup } = mirror;
  const index = startup.findIndex((entry) => isResumeOf(entry, context.me));
  if (index < 0) return;
  const [resume] = startup.splice(index, 1);
  mirror.phase = "valid";
  context.node = context.me;
  decodeMessage(resume.bytes, resume.view, resume.length, context.message);
  execute(context, mirror, mirror.lowest === context.me);
  context.entries.give(resume);
  replay(context, mirror);
}

/**
 * The list of what waits for an answer. The original enters a request when it is delivered; ours when it is sent, and notes here
 * that an answer can be expected.
 */
export function noteDelivered(context: Context, mirror: Mirror): void {
  const { message, node, me, entries } = context;
  if (node !== me) return;
  if (!context.original) {
    const own = mirror.working.find(({ request }) =>
      request.seq === message.seq && request.type === message.type
    );
    if (own !== undefined) own.delivered = true;
    return;
  }
  if (message.type === RESUME || message.type === CLEAR_REGION) return;
  mirror.working.push(entries.take(message.bytes, message.end));
}

export function deliverResponse(context: Context, mirror: Mirror): void {
  const { message, me, replies } = context;
  const isMine = message.originator === me && !holdsFlush(context, mirror, message);
  if (isMine && isRemoteAnswer(message)) correctRemote(context, mirror);
  if (isMine && forgetWorking(context, mirror, message)) {
    if (message.type === FLUSH && message.error !== 0) mirror.needsFlush = true;
    if (isRemoteAnswer(message)) mirror.log.noteHint(word(message, 1));
    replies.forward(message);
  }
  if (mirror.phase !== "valid") return;
  if (message.type === GET_RESYNC_WORK && !context.original) adoptChoice(context, mirror);
  snapshotOwed(context, mirror);
}

/** An error has no words: behind it stands what was in the buffer before. */
function isRemoteAnswer({ type, error, dataBytes }: Message): boolean {
  return type === IS_REMOTE_RECOVERING && error === 0 && dataBytes >= 16;
}

/**
 * A server of lvm2 says of a region that nobody recovers it, and that none has to be asked for, when it is about to be suspended
 * itself (D22); and it passes regions that are behind. This node's replica knows better.
 */
function correctRemote({ message, original }: Context, { log, phase, working }: Mirror): void {
  const { recovery, sync } = log;
  if (original || phase !== "valid") return;
  const asked = working.find(({ request: { seq, type } }) =>
    seq === message.seq && type === message.type
  );
  if (asked === undefined) return;
  if (recovery.isBehind(sync, word(asked.request, 0))) setU64(message.view, message.data, 1);
  const behind = recovery.firstBehind(sync, 0);
  if (word(message, 1) > behind) setU64(message.view, message.data + 8, behind);
}

/**
 * Servers of lvm2 choose in another way than ours. Beside them, and after them, the answers of ours count as well: who has its state from
 * a checkpoint of lvm2's may have been told of a recovery that there is not, or choose otherwise.
 */
function adoptChoice(context: Context, mirror: Mirror): void {
  const { message } = context;
  const { log, members } = mirror;
  const { originator, error } = message;
  const isAgreed = hasTrailer(message) && !log.recovery.wasMixed;
  if (isAgreed || error !== 0 || message.dataBytes < 16) return;
  const region = word(message, 1);
  if (word(message, 0) !== 1) log.recovery.refuse(originator);
  else if (region < log.regionCount && members.includes(originator)) {
    log.recovery.adopt(region, originator);
  }
  // The choice of before, by our rules, is in the state file, and may hold a FLUSH.
  noteExecuted(mirror);
  releaseFlushes(context, mirror);
}

/** A checkpoint for a joiner: this one, or another. */
export function deliverCheckpoint(context: Context, mirror: Mirror): void {
  const { message, me, original } = context;
  if (message.originator !== me) {
    if (!original) noteServed(context, mirror, message.originator);
    return;
  }
  if (!original) mirror.writers.delete(context.node);
  if (!loadCheckpoint(context, mirror)) return;
  mirror.checkpointed = true;
  becomeValid(context, mirror);
}

/** A checkpoint for a member that is valid: the group was parted, or it is one more copy. */
export function deliverLateCheckpoint(context: Context, mirror: Mirror): void {
  const { message, me, original, node } = context;
  if (original || message.originator !== me) return;
  if (mirror.merging.delete(node)) mergeCheckpoint(context, mirror);
  else if (mirror.log.recovery.isMixed) doubtCheckpoint(context, mirror);
  noteWritten(context, mirror, node);
}

/** POSTSUSPEND of another node. The server is going: what it does not answer before it has left is asked again. */
export function noteSuspend(context: Context, mirror: Mirror): void {
  const { node, me, original } = context;
  if (!original) return;
  if (node >= me) return;
  if (node === mirror.lowest) mirror.resend = true;
  mirror.delay++;
}

export function becomeValid(context: Context, mirror: Mirror): void {
  mirror.phase = "valid";
  replay(context, mirror);
}

/** Executes what was delivered before the log was there, until it is all done or the log is waited for once more. */
export function replay(context: Context, mirror: Mirror): void {
  const { startup } = mirror;
  while (startup.length > 0 && mirror.phase === "valid") {
    const entry = startup.shift();
    if (entry === undefined) return;
    context.node = entry.node;
    if (entry.kind === "join") owe(context, mirror, entry.node);
    else if (entry.kind === "leave") endLife(mirror, entry.node);
    else if (entry.kind === "died") goesOn(mirror, entry.node);
    else replayRequest(context, mirror, entry);
    context.entries.give(entry);
  }
}

function replayRequest(context: Context, mirror: Mirror, entry: Entry): void {
  const { message, me } = context;
  decodeMessage(entry.bytes, entry.view, entry.length, message);
  message.pitServer = entry.server;
  const isServer = entry.server === me;
  if (!entry.isKnown) execute(context, mirror, isServer);
  else if (isServer) answerKnown(context, mirror);
  snapshotOwed(context, mirror);
}

/** Answers, as the server, what all others have executed before this node had a state. */
function answerKnown(context: Context, mirror: Mirror): void {
  const { message, node, answer } = context;
  if (message.type === RESUME || message.type === POSTSUSPEND) return;
  if (message.type === FLUSH) return flush(context, mirror, message, node, true);
  mirror.log.answer(message, answer);
  answerExecuted(context, mirror, message, true);
}

/** Whether an own SET_REGION_SYNC is in the message: every member has applied it when it is delivered. */
export function isApplied(type: number): boolean {
  return type === SET_REGION_SYNC;
}
