/** Out of the group: POSTSUSPEND, the end of a membership, corosync's death, and what a mirror keeps of a group that is gone. */
import type { Context } from "./context.ts";
import type { Entry } from "./entries.ts";
import { CS_ERR_TRY_AGAIN } from "./errors.ts";
import { forgetHeld } from "./front.ts";
import { REJOIN_PAUSE_MS, RETRY_FIRST_MS } from "./limits.ts";
import type { Mirror } from "./mirror.ts";
import { isQuiet } from "./quiet.ts";
import { sendReady } from "./startup.ts";
import { POSTSUSPEND } from "./ulog.ts";

/** The own POSTSUSPEND is executed. Nothing more is taken from the group; what was asked before it is still answered. */
export function beginLeave(context: Context, mirror: Mirror): void {
  const { log } = mirror;
  mirror.phase = "leaving";
  log.recovery.suspend();
  log.resumed = false;
  mirror.state.note(false, log.wholeOnce);
  context.entries.giveAll(mirror.startup);
  leaveWhenQuiet(context, mirror);
}

/** Leaves, once the writes that this node owes as the server are done, and what it owes the group is sent. */
export function leaveWhenQuiet(context: Context, mirror: Mirror): void {
  if (mirror.phase !== "leaving" || !isQuiet(mirror)) return;
  sendReady(context, mirror);
  if (mirror.outbox.length > 0 || mirror.hasLeft) return;
  // Refused while corosync forms a ring, or has too much to send (D8).
  const status = context.port.leave(mirror.handle);
  mirror.hasLeft = context.original || status !== CS_ERR_TRY_AGAIN;
  if (!mirror.hasLeft) mirror.retryDueMs = context.nowMs + RETRY_FIRST_MS;
}

/** The group says that this node has left it. */
export function endLeave(context: Context, mirror: Mirror): void {
  for (const { request } of mirror.working) {
    if (request.type === POSTSUSPEND) context.replies.error(request, 0);
  }
  const { handle, members, ours } = mirror;
  const wasLast = members.length === 0;
  // lvm2's daemons could still send a checkpoint for this join, and it would be taken for one of the next (D10).
  const pause = !members.every((node) => ours.has(node));
  forgetGroup(context, mirror);
  mirror.isSuspended = true;
  context.port.finalize(handle);
  mirror.keeps = wasLast ? "suspended" : "nothing";
  if (!context.original && pause) mirror.dueMs = context.nowMs + REJOIN_PAUSE_MS;
}

/** Back to pending: bits and marks are kept, as is the open log device. */
export function forgetGroup(context: Context, mirror: Mirror): void {
  const { entries } = context;
  mirror.phase = "pending";
  mirror.handle = -1;
  mirror.members.length = 0;
  mirror.lowest = 0;
  for (const list of [mirror.working, mirror.startup, mirror.outbox]) entries.giveAll(list);
  mirror.owed.length = 0;
  mirror.ready.length = 0;
  mirror.late.length = 0;
  mirror.inFlight = 0;
  mirror.resend = false;
  mirror.delay = 0;
  mirror.checkpointed = false;
  mirror.isFirst = false;
  mirror.hasLeft = false;
  mirror.dueMs = undefined;
  mirror.retryDueMs = undefined;
  mirror.ours.clear();
  mirror.absent.clear();
  mirror.writers.clear();
  mirror.givenUp.clear();
  if (mirror.disk !== undefined) mirror.disk.unknown = true;
  if (context.original) return;
  // Whoever asked for them asks the next server.
  for (const list of [mirror.disk?.covered, mirror.disk?.next]) entries.giveAll(list ?? []);
  // Marks of others are theirs; when this node is the first member again, all that is dirty is recovered (D6).
  mirror.log.marks.clear();
  forgetHeld(mirror);
}

/** What this node's kernel may write from now on without asking: what it has marked, and the group has heard of. */
function noteWrites({ me }: Context, { log, written }: Mirror): void {
  written.length = 0;
  log.marks.each((region, node) => {
    if (node === me && log.own.has(region)) written.push(region);
  });
}

/** What was asked of a group that is gone is asked of the next one, even what that group has answered, and had wait for a recovery. */
export function askLater({ working }: Mirror, waiting: readonly Entry[]): void {
  for (const entry of waiting) {
    entry.delivered = true;
    entry.isDone = false;
  }
  working.push(...waiting);
}

/** corosync is gone, and with it the group (D9). Nothing is lost: what waits is asked again when it is back. */
export function lose(context: Context, mirror: Mirror): void {
  context.port.say("clusterLost", mirror, mirror.handle);
  context.port.finalize(mirror.handle);
  if (mirror.phase === "leaving") {
    // Others that were there go on: this node was not the last.
    const { members } = mirror;
    if (members.includes(context.me)) members.splice(members.indexOf(context.me), 1);
    return endLeave(context, mirror);
  }
  const waiting = mirror.working.splice(0);
  const { resumed } = mirror.log;
  if (resumed) noteWrites(context, mirror);
  forgetGroup(context, mirror);
  askLater(mirror, waiting);
  mirror.phase = "joining";
  mirror.needsFlush = true;
  if (resumed) {
    mirror.keeps = "live";
    mirror.wasShared = mirror.state.isShared;
  }
  mirror.log.resumed = false;
  mirror.pauseMs = RETRY_FIRST_MS;
  mirror.dueMs = context.nowMs + RETRY_FIRST_MS;
}
