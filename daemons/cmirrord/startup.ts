/** How a joiner comes to the state of the others: snapshots, checkpoints, and the list of what was delivered before. */
import { bitmapBytes } from "./bitmap.ts";
import {
  checkpointBytes,
  checkpointClean,
  checkpointSync,
  decodeCheckpoint,
  encodeCheckpoint,
} from "./checkpoint.ts";
import type { Context } from "./context.ts";
import type { Entry, EntryKind } from "./entries.ts";
import { type Message, MESSAGE_HEADER_BYTES, REQUEST_AT, writeHead } from "./message.ts";
import type { Mirror } from "./mirror.ts";
import { isSettled } from "./quiet.ts";
import { send } from "./send.ts";
import {
  generationOf,
  hasTrailer,
  NO_ANSWER,
  readTrailer,
  trailerBytes,
  writeTrailer,
} from "./trailer.ts";
import { CHECKPOINT_READY, RESUME, UUID_AT, writeIdentity, writeOutcome } from "./ulog.ts";

/** The original owes no more than so many checkpoints, and forgets the joiners after them (D15). */
const ORIGINAL_MOST_OWED = 10;

/** A node has joined a group that this node is a valid member of. */
export function owe(context: Context, mirror: Mirror, node: number): boolean {
  if (context.original && mirror.owed.length >= ORIGINAL_MOST_OWED) return false;
  mirror.owed.push(node);
  return true;
}

/** A node has left: it is owed nothing. */
export function disown(mirror: Mirror, node: number): void {
  drop(mirror.owed, (one) => one === node);
  drop(mirror.late, (one) => one === node);
  drop(mirror.ready, (one) => one.node === node);
}

function drop<T>(list: T[], isGone: (item: T) => boolean): void {
  for (let i = list.length - 1; i >= 0; i--) if (isGone(list[i])) list.splice(i, 1);
}

/**
 * A message was delivered: snapshots are taken. The original takes them at the first message after a join, whatever it is; ours
 * at the joiner's own RESUME, so that the joiner knows exactly what its checkpoint has in it.
 */
export function snapshotOwed(context: Context, mirror: Mirror): void {
  if (context.original && (mirror.owed.length === 0 || !mirror.log.resumed)) return;
  if (context.original) {
    for (let i = mirror.owed.length - 1; i >= 0; i--) snapshot(context, mirror, mirror.owed[i], 0);
    mirror.owed.length = 0;
    return;
  }
  const { message } = context;
  if (message.type !== RESUME || message.isResponse) return;
  // Deferred, and gone since: its checkpoint would be taken for that of its next life.
  if (!mirror.isMember(context.node)) return;
  const index = mirror.owed.indexOf(context.node);
  // Whoever is a member by now answers each RESUME, even if it was none at the join: those that were may be gone.
  if (index < 0 && context.node === context.me) return;
  if (index >= 0) mirror.owed.splice(index, 1);
  if (!mirror.log.resumed) {
    if (context.node !== context.me) mirror.late.push(context.node);
    return;
  }
  snapshot(context, mirror, context.node, hasTrailer(message) ? generationOf(message) : 0);
}

/**
 * This node has its state by now. Those of ours that had asked before can do nothing with it, but wait for a word that this node does
 * not write the log any more; lvm2's take it.
 */
export function snapshotLate(context: Context, mirror: Mirror): void {
  for (const node of mirror.late.splice(0)) snapshot(context, mirror, node, NO_ANSWER);
}

/** Takes a snapshot for a joiner; it is sent at the end of the round. Ours goes before those taken earlier. */
export function snapshot(
  context: Context,
  mirror: Mirror,
  node: number,
  generation: number,
): void {
  const { log } = mirror;
  const dataBytes = checkpointBytes(log.regionCount);
  const trailer = context.original ? 0 : trailerBytes(log);
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + dataBytes + trailer);
  const view = new DataView(bytes.buffer);
  writeHead(view, node, 0);
  bytes.set(mirror.groupName, REQUEST_AT + UUID_AT);
  writeOutcome(view, REQUEST_AT, 0, CHECKPOINT_READY, dataBytes);
  writeIdentity(view, REQUEST_AT, 0, context.me);
  const { sync, clean, recovery } = log;
  encodeCheckpoint(bytes, MESSAGE_HEADER_BYTES, sync.bytes, clean.bytes, recovery);
  if (trailer > 0) writeTrailer(view, MESSAGE_HEADER_BYTES + dataBytes, generation, log);
  mirror.ready.push({ node, bytes });
}

/**
 * Sends the checkpoints that are ready. Ours wait for the writes under way: a joiner that becomes server writes the log, and an
 * older write of ours must not come after that.
 */
export function sendReady(context: Context, mirror: Mirror): void {
  if (!context.original && !isSettled(mirror)) return;
  for (let one = mirror.ready.pop(); one !== undefined; one = mirror.ready.pop()) {
    send(context, mirror, one.bytes, one.bytes.length);
  }
}

/** Takes the checkpoint in the current message; false where it is none for this log, or for an earlier join. */
export function loadCheckpoint(context: Context, mirror: Mirror): boolean {
  const { message } = context;
  const { log } = mirror;
  const data = message.bytes.subarray(message.data, message.data + message.dataBytes);
  const recovery = decodeCheckpoint(data, log.regionCount);
  if (recovery === undefined) {
    context.port.say("checkpointMismatch", mirror, context.node);
    return false;
  }
  const ours = !context.original && hasTrailer(message);
  if (ours && generationOf(message) !== mirror.generation) return false;
  log.sync.copy(checkpointSync(data, log.regionCount));
  log.clean.copy(checkpointClean(data, log.regionCount));
  log.syncCount = log.sync.count;
  mirror.state.written.bytes.set(log.clean.bytes);
  log.recovery.region = recovery.region;
  log.recovery.recoverer = recovery.recoverer;
  log.recovery.reset();
  if (!context.original) takeMarks(context, mirror, ours);
  return true;
}

function takeMarks(context: Context, mirror: Mirror, ours: boolean): void {
  const { log } = mirror;
  log.marks.clear();
  log.wholeOnce = false;
  if (ours && readTrailer(context.message, log)) dropKnown(context, mirror);
  else suspectMarks(context, mirror);
  noteKinds(mirror);
  log.applyMarks(context.me);
}

/**
 * The snapshot of ours was taken at our RESUME: what stands before it in the list is in the snapshot. Three things stay: what this node
 * was asked as the server, which it answers; joins, and the RESUME of those joiners, in case whoever owes them a checkpoint dies.
 */
function dropKnown(context: Context, { startup }: Mirror): void {
  const resume = startup.findIndex((entry) => isResumeOf(entry, context.me));
  const kept: Entry[] = [];
  startup.forEach((entry, index) => {
    const { kind, server, request } = entry;
    const isAsked = kind === "request" && (server === context.me || request.type === RESUME);
    entry.isKnown = index < resume && isAsked;
    if (index >= resume || kind === "join" || isAsked) kept.push(entry);
    else context.entries.give(entry);
  });
  startup.splice(0, startup.length, ...kept);
}

/** A joiner was sent its checkpoint: it has a state, and needs none of this node. */
export function noteServed(context: Context, { startup }: Mirror, node: number): void {
  for (let i = startup.length - 1; i >= 0; i--) {
    if (startup[i].kind !== "join" || startup[i].node !== node) continue;
    context.entries.give(startup[i]);
    startup.splice(i, 1);
  }
}

export function isResumeOf({ kind, node, request }: Entry, of: number): boolean {
  return kind === "request" && node === of && request.type === RESUME;
}

/**
 * D5: a checkpoint of the original has no marks. Each region in sync and not clean may be marked by any older member. And what this node
 * had heard of before it was cut off, the others may have forgotten (D6).
 */
function suspectMarks({ me }: Context, { log, members, keeps }: Mirror): void {
  const { regionCount, clean, sync, marks, recovery, foreign } = log;
  recovery.begin(me);
  for (const node of members) if (node !== me) recovery.known.set(node, false);
  for (let r = clean.nextClear(0); r < regionCount; r = clean.nextClear(r + 1)) {
    if (!sync.has(r)) continue;
    for (const node of members) if (node !== me) marks.add(r, node);
    // Or by one that has died (D6).
    marks.orphans.set(r);
  }
  if (keeps !== "live") return;
  for (const region of foreign.members()) if (sync.has(region)) marks.orphans.set(region);
}

/**
 * D21: a checkpoint for a valid member, after a partition: what is not clean or not in sync for either is so for both. Whose marks these
 * are the other part knows; here they stay dirty until the next activation.
 */
export function mergeCheckpoint(context: Context, mirror: Mirror): void {
  const { message } = context;
  const { log } = mirror;
  const data = message.bytes.subarray(message.data, message.data + message.dataBytes);
  if (decodeCheckpoint(data, log.regionCount) === undefined) return;
  log.sync.intersect(data.subarray(0, bitmapBytes(log.regionCount)));
  log.clean.intersect(checkpointClean(data, log.regionCount));
  log.syncCount = log.sync.count;
  for (let r = log.clean.nextClear(0); r < log.regionCount; r = log.clean.nextClear(r + 1)) {
    log.orphan(r);
  }
  log.touched = true;
  // Nobody may ask for a FLUSH any more, and the next first member reads what is on the device.
  if (mirror.disk !== undefined) {
    mirror.disk.unknown = true;
    mirror.flushDueMs = context.nowMs;
  }
  context.port.say("checkpointMerged", mirror, context.node);
}

/** Checkpoints of lvm2's daemons differ (D5): what is not clean for one of the senders is not clean. */
export function doubtCheckpoint(context: Context, { log, members, disk }: Mirror): void {
  const { message, me } = context;
  const { regionCount, clean, sync } = log;
  const data = message.bytes.subarray(message.data, message.data + message.dataBytes);
  if (decodeCheckpoint(data, regionCount) === undefined) return;
  const doubtful = clean.members();
  clean.intersect(checkpointClean(data, regionCount));
  for (const region of doubtful) {
    if (clean.has(region) || !sync.has(region)) continue;
    for (const node of members) if (node !== me) log.mark(region, node, me);
    log.orphan(region);
  }
  log.touched = true;
  if (disk !== undefined) disk.unknown = true;
}

/** Whether there are daemons of lvm2 in the group, or have been. */
export function noteKinds({ log: { recovery }, members }: Mirror): void {
  recovery.isMixed = members.some((node) => recovery.known.get(node) === false);
  recovery.wasMixed = [...recovery.known.values()].includes(false);
}

/** Keeps the delivered request until the log is there. */
export function defer(context: Context, mirror: Mirror, message: Message): void {
  const entry = context.entries.take(message.bytes, message.end);
  entry.node = context.node;
  entry.server = mirror.lowest;
  mirror.startup.push(entry);
}

export function deferMember(
  context: Context,
  mirror: Mirror,
  kind: Exclude<EntryKind, "request">,
  node: number,
): void {
  mirror.startup.push(context.entries.takeMember(kind, node));
}
