/**
 * A node that is its whole group executes its own kernel's requests where they lie: no message is put together, nothing is kept, and
 * the answer goes out in the frame that the request came in. What waits for a disk, or for nodes that may come back, takes the common
 * way (front.ts).
 */
import type { Context } from "./context.ts";
import { executeOnLog, noteExecuted } from "./executed.ts";
import type { Mirror } from "./mirror.ts";
import { answerOwn } from "./send.ts";
import { FLUSH } from "./ulog.ts";

/** Whether this node is the whole group, with nothing on its way to it or from it. */
export function isAlone(mirror: Mirror): boolean {
  return mirror.phase === "valid" && mirror.log.resumed && mirror.members.length === 1 &&
    mirror.inFlight === 0 && mirror.outbox.length === 0 && mirror.startup.length === 0;
}

/** Executes and answers the kernel's request; false when it must take the common way. */
export function answeredAlone(context: Context, mirror: Mirror): boolean {
  const { request, me } = context;
  if (!isAlone(mirror) || mayBeAbsent(context, mirror)) return false;
  if (request.type === FLUSH) return flushedAlone(context, mirror);
  executeOnLog(context, mirror, request, me);
  answerOwn(context, mirror, request);
  return true;
}

/** With a log in memory there is nothing to write. */
function flushedAlone({ request, replies }: Context, mirror: Mirror): boolean {
  if (mirror.disk !== undefined || mirror.working.length > 0) return false;
  mirror.log.touched = false;
  replies.error(request, 0);
  return true;
}

/** Whether nodes that are no members may hold or have marked regions. */
export function mayBeAbsent({ me }: Context, { log: { marks, recovery } }: Mirror): boolean {
  return marks.size > marks.sizeOf(me) || recovery.held.size > 0;
}

/** Marks the first `count` regions of the batch. */
export function markAlone({ me, batch }: Context, mirror: Mirror, count: number): void {
  for (let i = 0; i < count; i++) mirror.log.mark(batch[i], me, me);
  noteExecuted(mirror);
}

/** Clears them. */
export function clearAlone({ me, batch }: Context, mirror: Mirror, count: number): void {
  for (let i = 0; i < count; i++) mirror.log.unmark(batch[i], me, me);
  noteExecuted(mirror);
}
