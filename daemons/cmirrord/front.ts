/**
 * What our daemon does with its own kernel's requests before the group hears of them. (The original sends each one and waits.)
 *
 * - MARK_REGION is acknowledged at once: the FLUSH behind it, which waits, covers it.
 * - CLEAR_REGION is put off; a region that is marked again meanwhile costs nothing.
 * - FLUSH is answered at once when no mark was sent since the last one was answered.
 * - SET_REGION_SYNC is answered when it is delivered, not when the server has answered.
 * - Alone in the group, nothing is sent at all.
 */
import type { Context } from "./context.ts";
import { EINVAL } from "./errors.ts";
import { flush } from "./flush.ts";
import { IDLE_CLEAR_MS, MAX_REGIONS_PER_REQUEST } from "./limits.ts";
import { decodeMessage } from "./message.ts";
import type { Mirror } from "./mirror.ts";
import { answerOwn, flushMessage, messageOf, noAnswer, regionsMessage, send } from "./send.ts";
import { CLEAR_REGION, FLUSH, MARK_REGION, type Request, SET_REGION_SYNC, word } from "./ulog.ts";

/** Whether this node is the whole group, with nothing on its way to it or from it. */
export function isAlone(mirror: Mirror): boolean {
  return mirror.phase === "valid" && mirror.log.resumed && mirror.members.length === 1 &&
    mirror.inFlight === 0 && mirror.outbox.length === 0 && mirror.startup.length === 0;
}

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
  const { me, answer, looped } = context;
  if (looped.type === FLUSH) return flush(context, mirror, looped, me, true);
  const { members } = mirror;
  mirror.log.execute(looped, { originator: me, me, members }, answer);
  noteWhole(mirror);
  if (looped.type !== MARK_REGION && looped.type !== CLEAR_REGION) {
    answerOwn(context, mirror, looped);
  }
}

/** What the state file must know. */
export function noteWhole({ log, state }: Mirror): void {
  if (log.wholeOnce !== state.wholeOnce && log.resumed) state.note(true, log.wholeOnce);
}

/** A request that waits for the group's answer. */
export function askAndWait(context: Context, mirror: Mirror): void {
  const { request, entries } = context;
  const length = messageOf(context, request);
  const silent = request.type === SET_REGION_SYNC ? noAnswer(context, length) : length;
  const entry = entries.take(context.out, silent);
  mirror.working.push(entry);
  // Not in a group: it is asked again when it is joined.
  if (mirror.phase === "joining") entry.delivered = true;
  else submit(context, mirror, silent);
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

function sendMarks(context: Context, mirror: Mirror, count: number): void {
  mirror.needsFlush = true;
  submit(context, mirror, regionsMessage(context, mirror, MARK_REGION, context.batch, count));
}

export function frontClear(context: Context, mirror: Mirror): void {
  const { request, replies } = context;
  replies.ack(request.seq, 0);
  if (!everyRegionExists(mirror, request)) return;
  const { log, held, idle, phase } = mirror;
  const { batch } = context;
  let count = 0;
  for (let i = 0; i < request.dataBytes / 8; i++) {
    const region = word(request, i);
    log.own.clear(region);
    if (held.has(region)) {
      if (idle.isFull) clearIdle(context, mirror, Infinity, MAX_REGIONS_PER_REQUEST);
      idle.push(region, context.nowMs + IDLE_CLEAR_MS);
    } else if (phase !== "joining" && count < batch.length) batch[count++] = region;
  }
  // Not marked: the end of a recovery.
  if (count > 0) sendClears(context, mirror, count);
}

function sendClears(context: Context, mirror: Mirror, count: number): void {
  submit(context, mirror, regionsMessage(context, mirror, CLEAR_REGION, context.batch, count));
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
  return working.some(({ request }) => request.type === FLUSH);
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

/** After a join with marks of an earlier life: the group hears of them again, before anything else. */
export function remark(context: Context, mirror: Mirror): void {
  const { log, held } = mirror;
  const { batch } = context;
  let count = 0;
  log.own.recount();
  if (log.own.count === 0) return;
  for (let region = 0; region < log.regionCount; region++) {
    if (!log.own.has(region) || !held.set(region)) continue;
    batch[count++] = region;
    if (count < batch.length) continue;
    sendMarks(context, mirror, count);
    count = 0;
  }
  if (count > 0) sendMarks(context, mirror, count);
}

export function forgetHeld(mirror: Mirror): void {
  mirror.held.empty();
  mirror.idle.clear();
  mirror.needsFlush = false;
  mirror.flushDueMs = undefined;
}
