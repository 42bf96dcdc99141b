/** What our daemon does beside daemons of lvm2, so that their defects do least harm. */
import type { Context } from "./context.ts";
import { flushIdle, inBatches, sendMarks } from "./front.ts";
import { IDLE_CLEAR_MS } from "./limits.ts";
import type { Mirror } from "./mirror.ts";

/** Whether the server runs lvm2's daemon, as far as is known. */
export function hasOriginalServer({ log, lowest }: Mirror): boolean {
  return log.recovery.known.get(lowest) === false;
}

/**
 * A daemon of lvm2 has joined. The checkpoints that it takes have no marks, so that it would call clean what this node still writes
 * (D5): it is told them.
 */
export function remarkFor(context: Context, mirror: Mirror): void {
  if (!mirror.log.resumed) return;
  inBatches(context, mirror.held.members(), (count) => sendMarks(context, mirror, count));
  if (mirror.lowest === context.node) {
    touchServer(context, mirror);
    flushIdle(context, mirror);
  }
}

/**
 * A server of lvm2 writes the log only when it has seen a bit change since the last FLUSH, and takes what an earlier server was asked
 * to write for written (D4). The first mark on a region counts as a change: with it, the FLUSH behind writes all bits.
 */
export function touchServer(context: Context, mirror: Mirror): void {
  const { held, idle, disk } = mirror;
  const region = disk === undefined || idle.isFull ? -1 : unmarkedRegion(mirror);
  if (region < 0) return;
  held.set(region);
  idle.push(region, context.nowMs + IDLE_CLEAR_MS);
  context.batch[0] = region;
  sendMarks(context, mirror, 1);
}

/** A region that nobody writes or recovers; nor this node, whose mark the group may not have heard yet. */
function unmarkedRegion({ log: { sync, marks, own, regionCount }, held }: Mirror): number {
  for (let region = 0; region < regionCount; region++) {
    const isOwn = own.has(region) || held.has(region);
    if (sync.has(region) && !isOwn && !marks.hasAny(region)) return region;
  }
  return -1;
}
