/** Configuration changes: who is a member, who is the server, who is owed a checkpoint. */
import type { Context } from "./context.ts";
import { becomeFirst, endLife, goesOn, isApplied } from "./delivery.ts";
import { hasOriginalServer, touchServer } from "./beside_original.ts";
import { flushIdle } from "./front.ts";
import { endLeave } from "./leaving.ts";
import { noteWritten } from "./flush.ts";
import type { Mirror } from "./mirror.ts";
import { releaseFlushes, send } from "./send.ts";
import { CHECKPOINT_PATIENCE_MS } from "./limits.ts";
import { deferMember, disown, noteKinds, owe, snapshot } from "./startup.ts";

/** `struct cpg_address` of corosync/cpg.h. */
export interface Member {
  readonly nodeid: number;
  readonly pid: number;
  readonly reason: number;
}

/** CPG_REASON_NODEUP: the node was a member of the other part of a partition, or has just come up. */
const REASON_NODEUP = 4;

/** Takes the member list over, and with it the server. */
export function takeMembers(context: Context, mirror: Mirror, list: readonly Member[]): void {
  const { members, disk } = mirror;
  members.length = 0;
  for (const { nodeid, pid } of list) {
    // D17: another process of this node is no member.
    if (!context.original && nodeid === context.me && pid !== context.pid) continue;
    if (!members.includes(nodeid)) members.push(nodeid);
  }
  if (mirror.log.resumed) mirror.state.noteShared(mirror.isShared);
  const lowest = members.length === 0 ? 0 : Math.min(...members);
  if (lowest !== mirror.lowest && disk !== undefined && !context.original) disk.unknown = true;
  mirror.lowest = lowest;
  if (!context.original) noteKinds(mirror);
}

/** The own id, from the first change in which this process joins. */
export function learnSelf(context: Context, joined: readonly Member[]): void {
  if (context.me !== 0) return;
  for (const { nodeid, pid } of joined) if (pid === context.pid) context.me = nodeid;
}

/** The only member is valid. */
export function validWhenSole(context: Context, mirror: Mirror): void {
  if (mirror.phase === "invalid" && mirror.members.length === 1) becomeFirst(context, mirror);
}

/** Another node has joined, and this one is valid. */
export function joinedValid(context: Context, mirror: Mirror): void {
  if (!owe(context, mirror, context.node)) deferMember(context, mirror, "join", context.node);
}

/** Both have a state: each sends its own, and takes the worse of both (D21). */
export function mergeWith(context: Context, mirror: Mirror, { nodeid, reason }: Member): void {
  if (context.original || reason !== REASON_NODEUP || mirror.phase !== "valid") return;
  mirror.merging.add(nodeid);
  snapshot(context, mirror, nodeid, 0);
}

export function joinedEarly(context: Context, mirror: Mirror): void {
  deferMember(context, mirror, "join", context.node);
}

/** CPG_REASON_NODEDOWN: the node is lost, or the network to it is. */
const REASON_NODEDOWN = 3;
/** CPG_REASON_PROCDOWN: the daemon has died, its node has not, and its kernel goes on with what it was doing. */
const REASON_PROCDOWN = 5;

/**
 * This node has joined. Whoever is there may be writing the log, or may do so before it knows of us; a checkpoint comes when it has
 * written.
 */
export function selfJoined({ me, nowMs }: Context, mirror: Mirror): void {
  const { members, writers } = mirror;
  writers.clear();
  mirror.givenUp.clear();
  mirror.writersDueMs = nowMs + CHECKPOINT_PATIENCE_MS;
  for (const node of members) if (node !== me) writers.add(node);
  if (writers.size > 0) distrust(mirror);
}

/** Another node has left. */
export function leftValid(context: Context, mirror: Mirror): void {
  const { original, reason, node } = context;
  forgetNode(context, mirror);
  if (original) return;
  if (reason === REASON_PROCDOWN) context.port.say("daemonDied", mirror, node);
  if (reason === REASON_NODEDOWN) context.port.say("nodeGone", mirror, node);
  if (reason === REASON_PROCDOWN) goesOn(mirror, node);
  else endLife(mirror, node);
  if (mirror.log.resumed) mirror.state.noteShared(mirror.isShared);
  releaseFlushes(context, mirror);
}

export function leftEarly(context: Context, mirror: Mirror): void {
  const { original, reason, node } = context;
  forgetNode(context, mirror);
  if (original) return;
  if (mirror.phase === "invalid") distrust(mirror);
  deferMember(context, mirror, reason === REASON_PROCDOWN ? "died" : "leave", node);
}

/**
 * Another node was there before this one had its state: should that one be gone, and this one be the first, at once or after it, or its
 * daemon, was cut off once more, its own bits are not the last word.
 */
function distrust(mirror: Mirror): void {
  if (mirror.keeps === "suspended") mirror.keeps = "nothing";
  mirror.wasShared = true;
  mirror.state.noteShared(true);
}

function forgetNode(context: Context, mirror: Mirror): void {
  const { node, me, original } = context;
  disown(mirror, node);
  noteWritten(context, mirror, node);
  mirror.ours.delete(node);
  mirror.merging.delete(node);
  if (!original) return;
  if (node < me) mirror.delay = Math.max(0, mirror.delay - 1);
  if (node < me && mirror.delay === 0 && mirror.working.length === 0) mirror.resend = false;
}

/** The server has left, in whatever way: what it was asked and did not answer, it never will (D3). */
export function askAnew(context: Context, mirror: Mirror): void {
  if (!context.original) mirror.resend = true;
}

/** Nobody is left who could send a checkpoint: only joiners are here, and this is the first of them. */
export function validWhenFirst(context: Context, mirror: Mirror): void {
  if (mirror.phase !== "invalid") return;
  const joiners = new Set<number>();
  let entries = 0;
  for (const { kind, node } of mirror.startup) {
    if (kind !== "join") continue;
    entries++;
    if (mirror.members.includes(node)) joiners.add(node);
  }
  const later = context.original ? entries : joiners.size;
  if (later + 1 === mirror.members.length) becomeFirst(context, mirror);
}

export function selfLeft(context: Context, mirror: Mirror): void {
  endLeave(context, mirror);
}

/** Asks the new server what the old one did not answer. */
export function resend(context: Context, mirror: Mirror): void {
  if (!mirror.resend || mirror.delay > 0 || mirror.phase !== "valid") return;
  // The marks of before the join go first (remark()).
  if (!context.original && !mirror.log.resumed) return;
  mirror.resend = false;
  const { working } = mirror;
  const asked = working.splice(0);
  const isDistrusted = !context.original && hasOriginalServer(mirror);
  if (isDistrusted) touchServer(context, mirror);
  for (const entry of asked) {
    if (!context.original && !entry.delivered) working.push(entry);
    else if (context.original) resendOriginal(context, mirror, entry);
    else {
      entry.delivered = false;
      entry.isDone = false;
      working.push(entry);
      send(context, mirror, entry.bytes, entry.length);
    }
  }
  if (isDistrusted) flushIdle(context, mirror);
}

function resendOriginal(
  context: Context,
  mirror: Mirror,
  entry: Mirror["working"][number],
): void {
  if (isApplied(entry.request.type)) context.replies.error(entry.request, 0);
  else send(context, mirror, entry.bytes, entry.length);
  context.entries.give(entry);
}
