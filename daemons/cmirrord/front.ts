/**
 * What our daemon does with its own kernel's requests before the group hears of them. (The original sends each one and waits.)
 *
 * - MARK_REGION is acknowledged at once: the FLUSH behind it, which waits, covers it.
 * - CLEAR_REGION is put off; a region that is marked again meanwhile costs nothing.
 * - FLUSH is answered at once when no mark was sent since the last one was answered.
 * - SET_REGION_SYNC is answered when it is delivered, not when the server has answered.
 * - Alone in the group, nothing is sent at all.
 */
import { answeredAlone, clearAlone, isAlone, markAlone, mayBeAbsent } from "./alone.ts";
import type { Context } from "./context.ts";
import { EINVAL } from "./errors.ts";
import { executeOnLog, takeLapse } from "./executed.ts";
import { flush } from "./flush.ts";
import {
  HELD_RECOVERY_MS,
  IDLE_CLEAR_MS,
  IDLE_STEP_MS,
  KERNEL_PATIENCE_MS,
  MAX_REGIONS_PER_REQUEST,
} from "./limits.ts";
import { decodeMessage } from "./message.ts";
import type { Mirror } from "./mirror.ts";
import {
  answerOwn,
  flushMessage,
  messageOf,
  noAnswer,
  regionsMessage,
  send,
  withLapse,
} from "./send.ts";
import {
  CLEAR_REGION,
  FLUSH,
  GET_RESYNC_WORK,
  MARK_REGION,
  type Request,
  SET_REGION_SYNC,
  word,
} from "./ulog.ts";

/** Sends the message in the shared buffer, or executes it at once where no other member could hear it. */
function submit(context: Context, mirror: Mirror, length: number): void {
  if (!isAlone(mirror)) {
    send(context, mirror, context.out, length);
    return;
  }
  decodeMessage(context.out, context.outView, length, context.looped);
  executeAlone(context, mirror);
}

function executeAlone(context: Context, mirror: Mirror): void {
  const { me, looped } = context;
  takeLapse(context, mirror, looped);
  if (looped.type === FLUSH) return flush(context, mirror, looped, me, true);
  executeOnLog(context, mirror, looped, me);
  if (looped.type !== MARK_REGION && looped.type !== CLEAR_REGION) {
    answerOwn(context, mirror, looped);
  }
}

/** A request that waits for the group's answer. */
export function askAndWait(context: Context, mirror: Mirror): void {
  if (answeredAlone(context, mirror)) return;
  const { request, entries } = context;
  dropRepeated(context, mirror);
  const length = messageOf(context, request);
  const whole = withTrailer(context, mirror, length);
  const entry = entries.take(context.out, whole);
  entry.askedMs = context.nowMs;
  mirror.working.push(entry);
  if (mustWaitForState(mirror, request)) entry.delivered = true;
  else submit(context, mirror, whole);
}

/**
 * What waits for long, be it for a group, or for a server whose log device hangs, was repeated by the kernel, which does not wait for the
 * older one any more. They stand in the order in which they were asked.
 */
function dropRepeated({ nowMs, entries }: Context, mirror: Mirror): void {
  const { working } = mirror;
  const repeatedMs = nowMs - KERNEL_PATIENCE_MS;
  if (working.length === 0 || working[0].askedMs > repeatedMs) return;
  let kept = 0;
  for (const entry of working) {
    if (entry.askedMs > repeatedMs) {
      working[kept++] = entry;
      continue;
    }
    // Should its repetition not have come, that is none to be answered at once.
    if (entry.request.type === FLUSH) mirror.needsFlush = true;
    entries.give(entry);
  }
  working.length = kept;
}

/**
 * Whether a request is asked when this node has come to the group's state, and not now: it is in no group, or the request is a FLUSH,
 * which must come behind the marks that the kernel has set while there was no group (remark()).
 */
function mustWaitForState({ phase, log }: Mirror, { type }: Request): boolean {
  return phase === "joining" || (type === FLUSH && !log.resumed);
}

function withTrailer(context: Context, mirror: Mirror, length: number): number {
  const { type } = context.request;
  if (type === SET_REGION_SYNC) return noAnswer(context, length);
  // Who waits for what an absent node recovers asks for work, or has a FLUSH held, which the kernel repeats every 15 seconds.
  const waits = type === GET_RESYNC_WORK ||
    (type === FLUSH && mirror.working.some(({ isDone }) => isDone));
  return waits && isLapsed(context, mirror) ? withLapse(context, length) : length;
}

/** Whether absent nodes have held a region for long enough. */
function isLapsed(context: Context, mirror: Mirror): boolean {
  const { nowMs } = context;
  const { log, members } = mirror;
  if (!mayBeAbsent(context, mirror) || log.recovery.absent(members).size === 0) {
    mirror.lapseDueMs = undefined;
  } else mirror.lapseDueMs ??= nowMs + HELD_RECOVERY_MS;
  if (mirror.lapseDueMs === undefined || mirror.lapseDueMs > nowMs) return false;
  mirror.lapseDueMs = undefined;
  return true;
}

function everyRegionExists({ log }: Mirror, request: Request): boolean {
  for (let i = 0; i < request.dataBytes / 8; i++) {
    if (word(request, i) >= log.regionCount) return false;
  }
  return true;
}

export function frontMark(context: Context, mirror: Mirror): void {
  const { request, replies } = context;
  if (!everyRegionExists(mirror, request)) return replies.error(request, EINVAL);
  markRegions(context, mirror, request);
  replies.error(request, 0);
}

/** Marks the regions that are not held in the group; the others wake. */
function markRegions(context: Context, mirror: Mirror, request: Request): void {
  const { log, held, idle, phase } = mirror;
  const { batch } = context;
  let count = 0;
  for (let i = 0; i < request.dataBytes / 8; i++) {
    const region = word(request, i);
    log.own.set(region);
    idle.wake(region);
    // Not in a group: the marks follow when it is joined (remark()).
    if (phase === "joining") mirror.needsFlush = true;
    if (phase === "joining" || !held.set(region)) continue;
    batch[count++] = region;
    if (count < batch.length) continue;
    sendMarks(context, mirror, count);
    count = 0;
  }
  if (count > 0) sendMarks(context, mirror, count);
}

export function sendMarks(context: Context, mirror: Mirror, count: number): void {
  mirror.needsFlush = true;
  if (isAlone(mirror)) return markAlone(context, mirror, count);
  submit(context, mirror, regionsMessage(context, mirror, MARK_REGION, context.batch, count));
}

export function frontClear(context: Context, mirror: Mirror): void {
  const { request, replies } = context;
  replies.ack(request.seq, 0);
  if (!everyRegionExists(mirror, request)) return;
  const { log, held, idle, phase } = mirror;
  const { batch } = context;
  let count = 0;
  // Before the batch is begun, which clearIdle() uses, too.
  if (idle.room < request.dataBytes / 8) {
    clearIdle(context, mirror, Infinity, 2 * MAX_REGIONS_PER_REQUEST);
  }
  for (let i = 0; i < request.dataBytes / 8; i++) {
    const region = word(request, i);
    log.own.clear(region);
    if (held.has(region)) {
      idle.push(region, idleDueMs(context));
    } else if (phase !== "joining" && count < batch.length) batch[count++] = region;
  }
  // Not marked: the end of a recovery.
  if (count > 0) sendClears(context, mirror, count);
}

function idleDueMs({ nowMs }: Context): number {
  return IDLE_STEP_MS * Math.ceil((nowMs + IDLE_CLEAR_MS) / IDLE_STEP_MS);
}

function sendClears(context: Context, mirror: Mirror, count: number): void {
  if (isAlone(mirror)) clearAlone(context, mirror, count);
  else {
    submit(context, mirror, regionsMessage(context, mirror, CLEAR_REGION, context.batch, count));
  }
  mirror.flushDueMs ??= context.nowMs + IDLE_CLEAR_MS;
}

/** Clears regions that are idle and due, `most` of them at most. */
export function clearIdle(context: Context, mirror: Mirror, nowMs: number, most = Infinity): void {
  const { held, idle } = mirror;
  const { batch } = context;
  let count = 0;
  let total = 0;
  for (let region = -1; total < most && (region = idle.take(nowMs)) >= 0; total++) {
    held.clear(region);
    batch[count++] = region;
    if (count < batch.length) continue;
    sendClears(context, mirror, count);
    count = 0;
  }
  if (count > 0) sendClears(context, mirror, count);
}

export function frontFlush(context: Context, mirror: Mirror): void {
  const { request, replies } = context;
  if (!everyRegionExists(mirror, request)) return replies.error(request, EINVAL);
  // D11: with integrated_flush the marks come in here.
  if (request.dataBytes > 0) markRegions(context, mirror, request);
  if (!mirror.needsFlush && !flushUnderWay(mirror)) return replies.error(request, 0);
  mirror.needsFlush = false;
  mirror.flushDueMs = undefined;
  request.dataBytes = 0;
  askAndWait(context, mirror);
}

/** A FLUSH of this node that is not answered may be the one that makes the marks of this one safe. */
function flushUnderWay({ working }: Mirror): boolean {
  for (let i = 0; i < working.length; i++) if (working[i].request.type === FLUSH) return true;
  return false;
}

/** Writes what nobody waits for. */
export function flushIdle(context: Context, mirror: Mirror): void {
  mirror.flushDueMs = undefined;
  submit(context, mirror, flushMessage(context, mirror));
}

/** All that was put off is done now: before a suspend. */
export function settle(context: Context, mirror: Mirror): void {
  clearIdle(context, mirror, Infinity);
  if (mirror.flushDueMs !== undefined) flushIdle(context, mirror);
}

/**
 * After a join: the group hears of the marks that the kernel has set in an earlier life, before anything else, and takes back those
 * that it has cleared meanwhile.
 */
export function remark(context: Context, mirror: Mirror): void {
  const { log, held } = mirror;
  const cleared: number[] = [];
  log.marks.each((region, node) => {
    if (node === context.me && !log.own.has(region)) cleared.push(region);
  });
  log.own.recount();
  const marked: number[] = [];
  for (let region = 0; log.own.count > 0 && region < log.regionCount; region++) {
    if (log.own.has(region) && held.set(region)) marked.push(region);
  }
  inBatches(context, marked, (count) => sendMarks(context, mirror, count));
  inBatches(context, cleared, (count) => sendClears(context, mirror, count));
}

export function inBatches(
  { batch }: Context,
  regions: readonly number[],
  send: (count: number) => void,
): void {
  for (let at = 0; at < regions.length; at += batch.length) {
    const part = regions.slice(at, at + batch.length);
    batch.set(part);
    send(part.length);
  }
}

export function forgetHeld(mirror: Mirror): void {
  mirror.held.empty();
  mirror.idle.clear();
  mirror.needsFlush = false;
  mirror.flushDueMs = undefined;
}
