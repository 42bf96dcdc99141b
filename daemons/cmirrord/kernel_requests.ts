/** The kernel's requests that concern the group, in each phase. */
import type { Context } from "./context.ts";
import { EBADE, EINVAL, ENOENT, ESRCH } from "./errors.ts";
import { askAndWait, frontClear, frontFlush, frontMark, settle } from "./front.ts";
import { forgetGroup, leaveWhenQuiet } from "./leaving.ts";
import type { Mirror } from "./mirror.ts";
import { isQuiet } from "./quiet.ts";
import { keep, takeResume } from "./resumes.ts";
import { messageOf, send, statusOf } from "./send.ts";
import {
  CLEAR_REGION,
  FLUSH,
  MARK_REGION,
  type RequestKind,
  REQUESTS,
  STATUS_INFO,
  word,
} from "./ulog.ts";

/** Valid, or about to be. */
export function askGroup(context: Context, mirror: Mirror): void {
  if (context.original) return askOriginal(context, mirror);
  switch (context.request.type) {
    case MARK_REGION:
      return frontMark(context, mirror);
    case CLEAR_REGION:
      return frontClear(context, mirror);
    case FLUSH:
      return frontFlush(context, mirror);
    default:
      return askAndWait(context, mirror);
  }
}

/** Not in a group, but soon: the same; what needs the group is held. */
export const askAndHold = askGroup;

/** CLEAR is issued where the kernel must not wait: it is acknowledged before it is sent. */
function askOriginal(context: Context, mirror: Mirror): void {
  const { request, replies, out } = context;
  const isClear = request.type === CLEAR_REGION;
  if (isClear) replies.ack(request.seq, 0);
  const length = messageOf(context, request);
  if (!send(context, mirror, out, length) && !isClear) replies.error(request, EBADE);
}

/** Never resumed, or suspended. */
export function askPending(context: Context, mirror: Mirror): void {
  const { request, replies } = context;
  if (context.original) return refuse(context, ENOENT);
  // D25: status is asked of a mirror that is suspended, too.
  if (request.type === STATUS_INFO) return replies.text(request, statusOf(mirror));
  if (mirror.isSuspended && mirror.hasSibling) return askSuspended(context, mirror);
  askUnknown(context);
}

/**
 * The kernel's worker may be late with what the last writes have left (dm_rh_update_states of dm-region-hash.c runs when it likes).
 * With -ESRCH it would introduce this table again, and wait in vain for the group that the next table of this uuid has joined.
 */
function askSuspended(context: Context, { log }: Mirror): void {
  const { request } = context;
  if (request.type === CLEAR_REGION) {
    for (let i = 0; i < request.dataBytes / 8; i++) {
      const region = word(request, i);
      if (region < log.regionCount) log.own.clear(region);
    }
  }
  refuse(context, EINVAL);
}

/**
 * A mirror that this daemon does not know, or that it has yet to resume, though the kernel has it: with -ESRCH the kernel sends CTR
 * and RESUME and asks again (D1). The answer must be as long as the caller has room: that is the room the repeated call gets.
 */
export function askUnknown({ request, replies }: Context): void {
  const kind = REQUESTS[request.type] as RequestKind;
  if (kind.reconnects) replies.zeros(request, ESRCH, kind.capacity);
  else replies.error(request, EINVAL);
}

export function refuseLeaving(context: Context): void {
  refuse(context, EINVAL);
}

export function refuse({ request, replies }: Context, error: number): void {
  if (request.type === CLEAR_REGION) replies.ack(request.seq, 0);
  else replies.error(request, error);
}

/** RESUME again, before the first was answered: of another task, or the kernel repeats it. */
export function resumeAgain(context: Context, mirror: Mirror): void {
  if (context.original) return context.replies.error(context.request, 0);
  takeResume(context, mirror);
}

export function suspendJoined(context: Context, mirror: Mirror): void {
  const { request, replies, out, original } = context;
  if (mirror.phase === "leaving") {
    if (original) return refuse(context, EINVAL);
    mirror.working.push(keep(context, request));
    return;
  }
  if (original) {
    if (!send(context, mirror, out, messageOf(context, request))) replies.error(request, EBADE);
    return;
  }
  if (mirror.phase === "valid" && mirror.log.resumed) settle(context, mirror);
  const length = messageOf(context, request);
  const entry = context.entries.take(out, length);
  entry.askedMs = context.nowMs;
  mirror.working.push(entry);
  send(context, mirror, out, length);
}

export function suspendJoining(context: Context, mirror: Mirror): void {
  // It must not land on what the next table of this mirror reads and writes.
  if (!isQuiet(mirror)) return askAndWait(context, mirror);
  forgetGroup(context, mirror);
  mirror.isSuspended = true;
  mirror.wasSuspended = false;
  // What the others have done since this node lost them is not known.
  if (mirror.keeps === "live") mirror.keeps = "nothing";
  mirror.state.note(false, false);
  context.entries.giveAll(mirror.resumes);
  context.replies.error(context.request, 0);
}

export function suspendPending(context: Context, mirror: Mirror): void {
  mirror.isSuspended = true;
  mirror.wasSuspended = false;
  mirror.state.note(false, false);
  context.replies.error(context.request, context.original ? ENOENT : 0);
}

export function destroyPending(context: Context, mirror: Mirror): void {
  context.replies.error(context.request, 0);
  mirror.destroyed = true;
}

/** The table is gone while the mirror is in the group: it leaves, but not before what it writes, which must not land on newer bits. */
export function destroyJoined(context: Context, mirror: Mirror): void {
  context.replies.error(context.request, 0);
  mirror.destroyed = true;
  mirror.phase = "leaving";
  if (!context.original) return leaveWhenQuiet(context, mirror);
  if (!mirror.hasLeft) context.port.leave(mirror.handle);
  mirror.hasLeft = true;
}
