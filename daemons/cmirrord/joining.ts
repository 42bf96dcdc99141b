/** Into the group: RESUME, and the first member's reading of the log. */
import { packedBytes } from "./bitmap.ts";
import type { Context } from "./context.ts";
import { CS_OK, EBADE } from "./errors.ts";
import { beginWrite, endRound } from "./flush.ts";
import { flushIdle, remark } from "./front.ts";
import { askLater, forgetGroup } from "./leaving.ts";
import { CHECKPOINT_PATIENCE_MS, RETRY_FIRST_MS, RETRY_LONGEST_MS } from "./limits.ts";
import { MESSAGE_HEADER_BYTES } from "./message.ts";
import type { MirrorLog } from "./log.ts";
import type { DiskLog, Mirror } from "./mirror.ts";
import { isQuiet } from "./quiet.ts";
import { joinDueMs } from "./replaced.ts";
import { answerResumes, keepResume, nobody, takeResume } from "./resumes.ts";
import { messageOf, NO_SEQ, ownMessage, send } from "./send.ts";
import { noteKinds, snapshotLate } from "./startup.ts";
import { writeJoiner, writeWritten } from "./trailer.ts";
import { type Request, RESUME } from "./ulog.ts";

/** RESUME of a mirror that is in no group. */
export function beginJoin(context: Context, mirror: Mirror): void {
  const { request, original } = context;
  if (!original) {
    takeResume(context, mirror);
    mirror.phase = "joining";
    mirror.isSuspended = false;
    mirror.pauseMs = RETRY_FIRST_MS;
    if (mirror.keeps !== "live") mirror.log.noteHint(0);
    mirror.dueMs = joinDueMs(context, mirror);
    // A pause after leaving lvm2's daemons is under way; it is not slept through (D10).
    if (mirror.dueMs === undefined || mirror.dueMs <= context.nowMs) tryJoin(context, mirror);
    return;
  }
  const status = join(context, mirror);
  // D27: what went wrong is not told.
  if (status !== CS_OK) return context.replies.error(request, 0);
  mirror.phase = "invalid";
  const length = messageOf(context, request);
  if (!send(context, mirror, context.out, length)) context.replies.error(request, EBADE);
}

function join({ port }: Context, mirror: Mirror): number {
  const handle = port.initialize();
  if (handle < 0) return handle;
  const status = port.join(handle, mirror.groupName);
  if (status === CS_OK) mirror.handle = handle;
  else port.finalize(handle);
  return status;
}

/** Joins, or tries again later: the RESUME is answered when the log is there, and not before (D27). */
export function tryJoin(context: Context, mirror: Mirror): void {
  // A write of before corosync's death must not land on what this node reads, or writes, as a member of the next group; nor may what
  // it has begun to read be taken for what stands there then.
  if (!isQuiet(mirror) || mirror.disk?.reading === true) {
    mirror.dueMs = context.nowMs + RETRY_FIRST_MS;
    return;
  }
  const status = join(context, mirror);
  if (status !== CS_OK) {
    // Corosync, and quorum, take a moment to be known.
    if (mirror.pauseMs === RETRY_LONGEST_MS) context.port.say("joinRefused", mirror, status);
    mirror.dueMs = context.nowMs + mirror.pauseMs;
    mirror.pauseMs = Math.min(2 * mirror.pauseMs, RETRY_LONGEST_MS);
    return;
  }
  mirror.phase = "invalid";
  mirror.dueMs = context.nowMs + CHECKPOINT_PATIENCE_MS;
  sendResume(context, mirror);
}

function sendResume(context: Context, mirror: Mirror): void {
  const { out, outView } = context;
  mirror.generation = ++context.generation;
  ownMessage(context, mirror, RESUME, mirror.resumes.at(-1)?.request.seq ?? NO_SEQ, 0);
  const live = mirror.keeps === "live";
  const [region] = mirror.state.recoveries().find(([, node]) => node === context.me) ?? [-1];
  const length = writeJoiner(outView, MESSAGE_HEADER_BYTES, mirror.generation, live, region);
  const written = live ? mirror.written : [];
  const bytes = new Uint8Array(length + 4 * written.length);
  bytes.set(out.subarray(0, length));
  writeWritten(new DataView(bytes.buffer), length, written);
  send(context, mirror, bytes, bytes.length);
}

/** No checkpoint has come for long, or one that does not fit (D23): leaves, and joins anew. */
export function retryJoin(context: Context, mirror: Mirror): void {
  context.port.leave(mirror.handle);
  context.port.finalize(mirror.handle);
  const { working, keeps } = mirror;
  const waiting = working.splice(0);
  forgetGroup(context, mirror);
  askLater(mirror, waiting);
  mirror.keeps = keeps;
  mirror.needsFlush = true;
  mirror.phase = "joining";
  mirror.pauseMs = RETRY_FIRST_MS;
  mirror.dueMs = context.nowMs + RETRY_FIRST_MS;
}

export function abandonJoin(context: Context, mirror: Mirror): void {
  context.replies.error(context.request, 0);
  forgetGroup(context, mirror);
  mirror.destroyed = true;
}

/** The own RESUME is executed: the first member reads the log; who has a checkpoint has the bits. */
export function executeResume(context: Context, mirror: Mirror, request: Request): void {
  const { log, disk } = mirror;
  if (log.resumed || mirror.checkpointed) return endResume(context, mirror, request);
  if (mirror.resumes.length === 0 && request.seq !== NO_SEQ) keepResume(context, mirror, request);
  if (disk === undefined) {
    fillCore(context, mirror);
    return endResume(context, mirror, request);
  }
  mirror.phase = "loading";
  disk.reading = true;
  context.port.readLog(mirror, disk.image.bytes);
}

/**
 * A core log has no memory but ours. The original declares all in sync with `nosync`, whatever it knew, and nothing without (D26);
 * ours keeps the bits where it was the last member, and obeys `nosync` once.
 */
function fillCore(context: Context, mirror: Mirror): void {
  const { log } = mirror;
  if (mirror.keeps !== "nothing" && !context.original) {
    return keepBits(context, mirror, !mirror.wasShared);
  }
  const nosync = log.construction.sync === "nosync";
  log.clean.setFrom(0, nosync && (context.original || !mirror.wasFilled));
  endFill(context, mirror);
}

function beginGroup({ me }: Context, mirror: Mirror): void {
  const { recovery } = mirror.log;
  recovery.region = -1;
  recovery.begin(me);
  noteKinds(mirror);
}

/** Goes on with the bits that are there. `isTrusted`: no other node can have used the mirror meanwhile. */
function keepBits(context: Context, mirror: Mirror, isTrusted: boolean): void {
  const { log, state } = mirror;
  const live = mirror.keeps === "live";
  mirror.keeps = "nothing";
  mirror.wasFilled = true;
  beginGroup(context, mirror);
  log.clean.clearTail();
  log.sync.clearTail();
  if (!live) log.sync.intersect(log.clean.bytes);
  log.resume();
  if (!live) return;
  takeLive(context, mirror, state.wholeOnce);
  if (mirror.disk === undefined) suspect(mirror, isTrusted);
  for (const [region, node] of state.recoveries()) {
    log.recovery.held.set(region, node);
    // What others have written there since, the copy may not have.
    if (!isTrusted) log.recovery.spoiled.add(region);
  }
}

/**
 * The kernel never stopped: what it has marked stays marked, and what others had marked stays dirty. What is neither, and not
 * clean either, was idle. The kernel asks for no recovery below its hint, so that sync bits stay as they are.
 */
function takeLive(context: Context, { log }: Mirror, wholeOnce: boolean): void {
  const { clean, own, foreign, sync } = log;
  const { me } = context;
  log.wholeOnce = wholeOnce;
  log.recovery.region = -1;
  for (let r = clean.nextClear(0); r < log.regionCount; r = clean.nextClear(r + 1)) {
    if (own.has(r)) log.mark(r, me, me);
    if (foreign.has(r)) log.orphan(r);
    if (!own.has(r) && !foreign.has(r) && sync.has(r)) clean.set(r);
  }
  for (let r = 0; r < log.regionCount; r++) if (own.has(r)) log.mark(r, me, me);
}

/**
 * What other nodes have done meanwhile, and perhaps left half done, no log in memory knows: nothing of it is clean before it was
 * recovered. Where others were there when this daemon, or its cluster, went away, that is any region. Where none was, one may still have
 * come as a first member that did not know of this kernel, and copied what it was writing.
 */
function suspect({ log, written }: Mirror, isTrusted: boolean): void {
  if (isTrusted) written.forEach((region) => log.orphan(region));
  else for (let region = 0; region < log.regionCount; region++) log.orphan(region);
}

/** All that is clean is in sync; all that is not must be recovered, so that no mark is left to wait for. */
function endFill(context: Context, mirror: Mirror): void {
  const { log } = mirror;
  log.clean.clearTail();
  log.sync.copy(log.clean.bytes);
  if (!context.original) beginGroup(context, mirror);
  mirror.wasShared = false;
  if (!context.original) {
    log.applyMarks(context.me);
    mirror.wasFilled = true;
  }
  log.resume();
}

/** The first member's log was read, or could not be. */
export function logRead(context: Context, mirror: Mirror, disk: DiskLog): void {
  const { log } = mirror;
  disk.reading = false;
  if (context.error !== 0) {
    context.port.say("logReadFailed", mirror, context.error);
    disk.image.forget();
  }
  if (mirror.keeps === "live" && !context.original) {
    readLive(context, mirror, disk);
  } else {
    // What cannot be read, or was never written though the log is in use, may hold dirty regions, whatever the table says.
    const isNosync = log.construction.sync === "nosync" &&
      (context.original || (context.error === 0 && !mirror.wasFilled));
    disk.image.load(log.clean, isNosync);
    endFill(context, mirror);
  }
  disk.unknown = true;
  beginWrite(context, mirror, disk);
}

/**
 * A device that this node was the last to write, and that is as it has left it, as the only one, tells nothing new: what is dirty there
 * may have been cleared since, and not been written. Otherwise others were there, and what is dirty on it stays so; nobody there waits
 * for it.
 */
function readLive(context: Context, mirror: Mirror, disk: DiskLog): void {
  const { log } = mirror;
  const known = log.clean.bytes.slice();
  disk.image.load(log.clean, false);
  const isOurs = !mirror.wasShared && isAsLeft(context, mirror, disk);
  for (let r = log.clean.nextClear(0); r < log.regionCount; r = log.clean.nextClear(r + 1)) {
    if (!isOurs) log.foreign.set(r);
  }
  log.clean.intersect(known);
  keepBits(context, mirror, isOurs);
}

/** Others may happen to leave the same bits; but whoever begins to write the log says so in its header (LogImage.writer()). */
function isAsLeft({ me }: Context, { log, state }: Mirror, { image }: DiskLog): boolean {
  const bits = log.clean.bytes.subarray(0, packedBytes(log.regionCount));
  return image.writer() === me && isPrefix(bits, state.written.bytes);
}

function isPrefix(part: Uint8Array, whole: Uint8Array): boolean {
  return part.every((byte, index) => byte === whole[index]);
}

/** The first member's log was written: the RESUME is done, whether or not the device took it. */
export function logWritten(context: Context, mirror: Mirror, disk: DiskLog): void {
  mirror.phase = "valid";
  endRound(context, mirror, disk);
  endResume(context, mirror, mirror.resumes[0]?.request ?? nobody);
}

function endResume(context: Context, mirror: Mirror, request: Request): void {
  const { log } = mirror;
  if (!log.resumed) resumeChecked(context, log);
  if (mirror.checkpointed) {
    mirror.wasShared = false;
    // The group has obeyed it, and may know of more since (D26).
    mirror.wasFilled = true;
  }
  mirror.checkpointed = false;
  mirror.dueMs = undefined;
  mirror.keeps = "nothing";
  mirror.wasSuspended = false;
  mirror.written.length = 0;
  mirror.state.note(true, log.wholeOnce);
  mirror.state.noteShared(mirror.isShared);
  if (!context.original) {
    remark(context, mirror);
    // What the kernel may be writing all the while is dirty on the device as soon as the group knows.
    if (mirror.needsFlush && mirror.members.length > 1) flushIdle(context, mirror);
    mirror.resend = mirror.working.length > 0;
    snapshotLate(context, mirror);
  }
  answerResumes(context, mirror, request);
}

/** With the bits of a checkpoint; ours tells more than them. */
function resumeChecked({ original }: Context, log: MirrorLog): void {
  if (original) return log.resume();
  const { wholeOnce, recovery } = log;
  const { search, priority, held, broken, spoiled } = recovery;
  const [urgent, others, lost, again] = [[...priority], [...held], [...broken], [...spoiled]];
  log.resume();
  log.wholeOnce = wholeOnce;
  recovery.search = search;
  for (const region of urgent) priority.push(region);
  for (const [region, node] of others) held.set(region, node);
  for (const region of lost) broken.add(region);
  for (const region of again) spoiled.add(region);
}
