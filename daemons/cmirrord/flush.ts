/**
 * FLUSH, and the writing of the log. One round of writes is under way at a time; a FLUSH that comes meanwhile is answered by it if
 * no bit has changed since it began, otherwise by the next round, together with all that have come by then.
 */
import type { Context } from "./context.ts";
import { BITMAP_AT, LOG_BLOCK_BYTES, logBytes } from "./disk_log.ts";
import type { Entry } from "./entries.ts";
import { EIO } from "./errors.ts";
import { packedBytes } from "./bitmap.ts";
import { type Message, MESSAGE_HEADER_BYTES } from "./message.ts";
import type { DiskLog, Mirror } from "./mirror.ts";
import { respond } from "./send.ts";
import { sendReady } from "./startup.ts";

/** Executes a FLUSH of `originator`; `serve`: as the server, which writes and answers. */
export function flush(
  context: Context,
  mirror: Mirror,
  request: Pick<Message, "bytes" | "pitServer">,
  originator: number,
  serve: boolean,
): void {
  if (!serve) return flushOfOther(mirror);
  const entry = context.entries.take(request.bytes, MESSAGE_HEADER_BYTES);
  entry.node = originator;
  entry.server = request.pitServer;
  if (mirror.disk === undefined) {
    mirror.log.touched = false;
    answerEntry(context, mirror, entry, 0);
  } else serveFlush(context, mirror, mirror.disk, entry);
}

/** The server writes: what is on the device is no longer known here. */
function flushOfOther(mirror: Mirror): void {
  const { log, disk } = mirror;
  log.touched = false;
  noteStaleBlocks(mirror);
  if (disk !== undefined && disk.writing === 0) disk.unknown = true;
}

function serveFlush(context: Context, mirror: Mirror, disk: DiskLog, entry: Entry): void {
  if (mirror.writers.size > 0) {
    disk.next.push(entry);
    return;
  }
  if (disk.writing > 0) {
    (mustWrite(context, mirror, disk) ? disk.next : disk.covered).push(entry);
    return;
  }
  disk.covered.push(entry);
  if (mustWrite(context, mirror, disk)) beginWrite(context, mirror, disk);
  if (disk.writing === 0) endRound(context, mirror, disk);
}

/** A member of before has written all that it will write: it has sent a checkpoint, or is gone. */
export function noteWritten(context: Context, mirror: Mirror, node: number): void {
  const { disk, writers } = mirror;
  if (mirror.givenUp.delete(node)) writeAgain(context, mirror);
  if (!writers.delete(node) || writers.size > 0) return;
  if (disk !== undefined && disk.writing === 0 && disk.next.length > 0) {
    endRound(context, mirror, disk);
  }
  sendReady(context, mirror);
}

/** A member that is none any more, though corosync says so, cannot be waited for without end. */
export function giveUpWriters(context: Context, mirror: Mirror): void {
  for (const node of [...mirror.writers]) {
    noteWritten(context, mirror, node);
    mirror.givenUp.add(node);
  }
}

/** What is on the device may be older than what this node has written there. */
function writeAgain({ nowMs }: Context, mirror: Mirror): void {
  if (mirror.disk === undefined) return;
  mirror.disk.unknown = true;
  mirror.flushDueMs = nowMs;
}

/** D4: a new server does not know what the old one wrote, and writes. The original looks at what it saw itself change. */
function mustWrite({ original }: Context, { log }: Mirror, { unknown }: DiskLog): boolean {
  return log.touched || (!original && unknown);
}

/** Writes what has changed: all of the log where the device is not known, otherwise the blocks that differ. */
export function beginWrite(context: Context, mirror: Mirror, disk: DiskLog): void {
  const { log } = mirror;
  disk.failing = false;
  log.touched = false;
  if (disk.unknown || context.original) {
    disk.image.store(log.clean, context.original ? 0 : context.me);
    writePart(context, mirror, disk, 0, disk.image.bytes.length);
  } else writeStaleBlocks(context, mirror, disk);
  if (disk.unknown) mirror.state.written.bytes.set(log.clean.bytes);
  disk.unknown = false;
  noteStaleBlocks(mirror);
}

/** The device is as the bits are, or is about to be. A new daemon knows by this what others have written meanwhile. */
function noteStaleBlocks({ log: { staleBlocks, clean }, state: { written } }: Mirror): void {
  for (const block of staleBlocks) {
    const start = Math.max(0, block * LOG_BLOCK_BYTES - BITMAP_AT);
    const end = (block + 1) * LOG_BLOCK_BYTES - BITMAP_AT;
    written.bytes.set(clean.bytes.subarray(start, end), start);
  }
  staleBlocks.clear();
}

function writePart(
  context: Context,
  mirror: Mirror,
  disk: DiskLog,
  offset: number,
  length: number,
): void {
  disk.writing++;
  context.port.writeLog(mirror, disk.image.bytes, offset, length);
}

function writeStaleBlocks(context: Context, mirror: Mirror, disk: DiskLog): void {
  const { staleBlocks, clean } = mirror.log;
  for (const block of staleBlocks) {
    if (!disk.image.storeBlock(clean, block)) continue;
    writePart(context, mirror, disk, block * LOG_BLOCK_BYTES, LOG_BLOCK_BYTES);
  }
}

/** One write has ended, with 0 or a negative error number. True when it was the last of its round. */
export function writeEnded(context: Context, mirror: Mirror, disk: DiskLog): boolean {
  if (context.error !== 0) disk.failing = true;
  disk.writing--;
  if (disk.writing > 0) return false;
  disk.failed = disk.failing;
  if (!disk.failing) return true;
  context.port.say("logWriteFailed", mirror, context.error);
  // The original takes the bits for written.
  if (!context.original) {
    mirror.log.touched = true;
    disk.unknown = true;
  }
  return true;
}

/** Answers the FLUSHes of the round, and begins the next one where there are more. */
export function endRound(context: Context, mirror: Mirror, disk: DiskLog): void {
  const error = disk.failing ? EIO : 0;
  for (const entry of disk.covered) answerEntry(context, mirror, entry, error);
  disk.covered.length = 0;
  disk.failing = false;
  if (disk.next.length === 0) return;
  disk.covered.push(...disk.next);
  disk.next.length = 0;
  if (mustWrite(context, mirror, disk)) beginWrite(context, mirror, disk);
  if (disk.writing === 0) endRound(context, mirror, disk);
}

function answerEntry(context: Context, mirror: Mirror, entry: Entry, error: number): void {
  context.answer.error = error;
  context.answer.words = 0;
  respond(context, mirror, entry.request, entry.node, entry.server);
  context.entries.give(entry);
}

/** The bytes of the log that hold something, for those who compare. */
export function usedBytes(regionCount: number): number {
  return Math.min(logBytes(regionCount, LOG_BLOCK_BYTES), BITMAP_AT + packedBytes(regionCount));
}
