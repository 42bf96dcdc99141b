/** What leaves for the group: own requests, responses, and what corosync would not take yet. */
import { encodeBytes } from "../../src/wire/bytes.ts";
import { setU64 } from "../../src/wire/layout.ts";
import type { Context } from "./context.ts";
import { CS_OK } from "./errors.ts";
import { RETRY_FIRST_MS } from "./limits.ts";
import { MESSAGE_HEADER_BYTES, REQUEST_AT, RESPONSE, writeHead } from "./message.ts";
import type { Mirror } from "./mirror.ts";
import { statusInfo } from "./status_text.ts";
import { LAPSED, NO_ANSWER, writeGeneration } from "./trailer.ts";
import {
  clearLuid,
  FLUSH,
  GET_RESYNC_WORK,
  IS_REMOTE_RECOVERING,
  type Request,
  STATUS_INFO,
  ULOG_BYTES,
  UUID_AT,
  writeIdentity,
  writeOutcome,
} from "./ulog.ts";

/**
 * The kernel's sequence numbers begin at 0: this one is ours, for what no kernel waits for. Our servers do not answer it; lvm2's do,
 * in vain.
 */
export const NO_SEQ = 0xffff_ffff;

/** Sends a message, or keeps it until corosync takes it (D8). False when it was refused: the original keeps nothing. */
export function send(
  context: Context,
  mirror: Mirror,
  bytes: Uint8Array<ArrayBuffer>,
  length: number,
): boolean {
  if (mirror.outbox.length === 0) {
    const status = context.port.multicast(mirror.handle, bytes, length);
    if (status === CS_OK) {
      mirror.inFlight++;
      return true;
    }
    if (context.original) return false;
  }
  mirror.outbox.push(context.entries.take(bytes, length));
  mirror.retryDueMs ??= context.nowMs + RETRY_FIRST_MS;
  return true;
}

/** Sends what waits, in order, as far as corosync takes it. */
export function sendOutbox(context: Context, mirror: Mirror): void {
  const { outbox } = mirror;
  let sent = 0;
  while (sent < outbox.length) {
    const status = context.port.multicast(mirror.handle, outbox[sent].bytes, outbox[sent].length);
    if (status !== CS_OK) break;
    mirror.inFlight++;
    context.entries.give(outbox[sent++]);
  }
  outbox.splice(0, sent);
  mirror.retryDueMs = outbox.length > 0 ? context.nowMs + RETRY_FIRST_MS : undefined;
}

/** Puts the kernel's request into the shared buffer as a message; returns its length. */
export function messageOf(context: Context, request: Request): number {
  const { out, outView } = context;
  const { bytes, base, dataBytes, type } = request;
  writeHead(outView, 0, 0);
  for (let i = 0; i < ULOG_BYTES + dataBytes; i++) out[REQUEST_AT + i] = bytes[base + i];
  clearLuid(outView, REQUEST_AT);
  writeOutcome(outView, REQUEST_AT, 0, type, dataBytes);
  return MESSAGE_HEADER_BYTES + dataBytes;
}

/** Begins a message of our own in the shared buffer. */
export function ownMessage(
  context: Context,
  mirror: Mirror,
  type: number,
  seq: number,
  dataBytes: number,
): void {
  const { out, outView } = context;
  out.fill(0, 0, MESSAGE_HEADER_BYTES);
  writeHead(outView, 0, 0);
  out.set(mirror.groupName, REQUEST_AT + UUID_AT);
  writeOutcome(outView, REQUEST_AT, 0, type, dataBytes);
  writeIdentity(outView, REQUEST_AT, mirror.version, seq);
}

/** Puts a message with `count` regions, which stand in `regions`, into the shared buffer; returns its length. */
export function regionsMessage(
  context: Context,
  mirror: Mirror,
  type: number,
  regions: Uint32Array,
  count: number,
): number {
  ownMessage(context, mirror, type, NO_SEQ, 8 * count);
  for (let i = 0; i < count; i++) {
    setU64(context.outView, MESSAGE_HEADER_BYTES + 8 * i, regions[i]);
  }
  return MESSAGE_HEADER_BYTES + 8 * count;
}

/** A FLUSH that nobody waits for. */
export function flushMessage(context: Context, mirror: Mirror): number {
  ownMessage(context, mirror, FLUSH, NO_SEQ, 0);
  return MESSAGE_HEADER_BYTES;
}

/** Tells our daemons that the server need not answer; lvm2's answer in vain. */
export function noAnswer(context: Context, length: number): number {
  return writeGeneration(context.outView, length, NO_ANSWER);
}

/** Tells our daemons that what absent nodes recovered is to be handed out anew. */
export function withLapse(context: Context, length: number): number {
  return writeGeneration(context.outView, length, LAPSED);
}

/** The server's answer to a request of `originator`: to the group, or, where it is this node, to its kernel at once. */
export function respond(
  context: Context,
  mirror: Mirror,
  request: Request,
  originator: number,
  pitServer: number,
): void {
  if (!context.original) {
    if (originator === context.me) answerOwn(context, mirror, request);
    if (request.seq === NO_SEQ || !isForOthers(context, mirror, request, originator)) return;
  }
  const { out, outView, answer } = context;
  writeHead(outView, originator, pitServer);
  const { bytes, base, type } = request;
  for (let i = 0; i < ULOG_BYTES; i++) out[REQUEST_AT + i] = bytes[base + i];
  const dataBytes = writeAnswer(context, mirror, request);
  writeOutcome(outView, REQUEST_AT, answer.error, type | RESPONSE, dataBytes);
  const end = MESSAGE_HEADER_BYTES + dataBytes;
  const isOurs = !context.original && type === GET_RESYNC_WORK;
  send(context, mirror, out, isOurs ? noAnswer(context, end) : end);
}

/** Which region this node is to recover itself is told only where daemons of lvm2 are, or were: see adoptChoice(). */
function isForOthers(
  { me }: Context,
  { log }: Mirror,
  { type }: Request,
  originator: number,
): boolean {
  return originator !== me || (type === GET_RESYNC_WORK && log.recovery.wasMixed);
}

function writeAnswer({ answer, out, outView }: Context, mirror: Mirror, request: Request): number {
  if (answer.error !== 0) return 0;
  if (request.type === STATUS_INFO) {
    const text = statusOf(mirror);
    encodeBytes(text, out, MESSAGE_HEADER_BYTES);
    return text.length;
  }
  if (answer.words > 0) setU64(outView, MESSAGE_HEADER_BYTES, answer.first);
  if (answer.words > 1) setU64(outView, MESSAGE_HEADER_BYTES + 8, answer.second);
  return 8 * answer.words;
}

export function statusOf({ disk }: Mirror): string {
  return statusInfo(disk?.device, disk?.failed === true);
}

/** Answers the own kernel without a message: every member knows the outcome, and no other wants it. */
export function answerOwn(context: Context, mirror: Mirror, request: Request): void {
  const { answer, replies } = context;
  request.error = answer.error;
  if (holdsFlush(context, mirror, request)) return;
  forgetWorking(context, mirror, request);
  if (request.seq === NO_SEQ) return;
  if (request.type === FLUSH && answer.error !== 0) mirror.needsFlush = true;
  const isRemoteAnswer = request.type === IS_REMOTE_RECOVERING && answer.error === 0;
  if (isRemoteAnswer) mirror.log.noteHint(answer.second);
  if (request.type === STATUS_INFO && answer.error === 0) replies.text(request, statusOf(mirror));
  else replies.words(request, answer);
}

/**
 * A FLUSH is answered when no other node recovers a region that this node has marked: the copy that is under way there would undo, on
 * one leg, what is written meanwhile. A kernel that was told long ago that the region is in sync does not ask.
 */
export function holdsFlush(
  { original, me }: Context,
  { log, working }: Mirror,
  { type, seq, error }: Request,
): boolean {
  if (type !== FLUSH || original || error !== 0) return false;
  if (!log.recovery.isForeign(log.own, me)) return false;
  const entry = working.find(({ request }) => request.type === FLUSH && request.seq === seq);
  if (entry !== undefined) entry.isDone = true;
  return true;
}

/** Something was recovered, or a node is gone. */
export function releaseFlushes(context: Context, mirror: Mirror): void {
  const { working, log } = mirror;
  if (working.length === 0 || !working.some(({ isDone }) => isDone)) return;
  if (!log.resumed || log.recovery.isForeign(log.own, context.me)) return;
  for (const entry of working.filter(({ isDone }) => isDone)) {
    working.splice(working.indexOf(entry), 1);
    context.replies.error(entry.request, 0);
    context.entries.give(entry);
  }
}

/** Takes the request that is answered out of the list. The original compares the seq only (D11). */
export function forgetWorking(
  context: Context,
  { working }: Mirror,
  { seq, type }: Request,
): boolean {
  if (working.length === 0) return false;
  const index = working.findIndex(({ request }) =>
    request.seq === seq && (context.original || request.type === type)
  );
  if (index < 0) return false;
  context.entries.give(working[index]);
  working.splice(index, 1);
  return true;
}
