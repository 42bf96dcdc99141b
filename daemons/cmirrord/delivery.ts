/** What the group delivers: requests, responses, checkpoints; in the same order at every member. */
import type { Context } from "./context.ts";
import { flush } from "./flush.ts";
import { noteWhole } from "./front.ts";
import { beginLeave, executeResume } from "./joining.ts";
import { decodeMessage, type Message } from "./message.ts";
import type { Mirror } from "./mirror.ts";
import { answerOwn, forgetWorking, respond } from "./send.ts";
import { defer, loadCheckpoint, mergeCheckpoint, owe, snapshotOwed } from "./startup.ts";
import { generationOf, hasTrailer, NO_ANSWER } from "./trailer.ts";
import { CLEAR_REGION, FLUSH, POSTSUSPEND, RESUME, SET_REGION_SYNC } from "./ulog.ts";

/** A request is executed, by a valid member that is or is not the server. */
export function execute(context: Context, mirror: Mirror, server: boolean): void {
  const { message, node, me, answer } = context;
  if (message.type === RESUME) {
    if (node === me) executeResume(context, mirror, message);
    return;
  }
  if (message.type === POSTSUSPEND) {
    if (node === me) beginLeave(context, mirror);
    return;
  }
  if (message.type === FLUSH) return flush(context, mirror, message, node, server);
  mirror.log.execute(message, { originator: node, me, members: mirror.members }, answer);
  noteWhole(mirror);
  answerExecuted(context, mirror, message, server);
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
  execute(context, mirror, mirror.lowest === context.me);
  snapshotOwed(context, mirror);
}

/** Delivered before the log is there. */
export function deferRequest(context: Context, mirror: Mirror): void {
  noteDelivered(context, mirror);
  defer(context, mirror, context.message);
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
  if (message.originator === me && forgetWorking(context, mirror, message)) {
    if (message.type === FLUSH && message.error !== 0) mirror.needsFlush = true;
    replies.forward(message);
  }
  if (mirror.phase === "valid") snapshotOwed(context, mirror);
}

/** A checkpoint for a joiner that waits for one. */
export function deliverCheckpoint(context: Context, mirror: Mirror): void {
  if (context.message.originator !== context.me || !loadCheckpoint(context, mirror)) return;
  mirror.checkpointed = true;
  becomeValid(context, mirror);
}

/** A checkpoint for a member that is valid: the group was parted, or it is one more copy. */
export function deliverLateCheckpoint(context: Context, mirror: Mirror): void {
  const { message, me, original } = context;
  if (original || message.originator !== me || !mirror.merging.delete(context.node)) return;
  mergeCheckpoint(context, mirror);
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
    else if (entry.kind === "leave") mirror.log.recovery.abandon(entry.node);
    else replayRequest(context, mirror, entry.bytes, entry.view, entry.length, entry.server);
    context.entries.give(entry);
  }
}

function replayRequest(
  context: Context,
  mirror: Mirror,
  bytes: Uint8Array,
  view: DataView,
  length: number,
  server: number,
): void {
  decodeMessage(bytes, view, length, context.message);
  context.message.pitServer = server;
  execute(context, mirror, server === context.me);
  snapshotOwed(context, mirror);
}

/** Whether an own SET_REGION_SYNC is in the message: every member has applied it when it is delivered. */
export function isApplied(type: number): boolean {
  return type === SET_REGION_SYNC;
}
