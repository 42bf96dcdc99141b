/**
 * The machine of the daemon: bytes and events in, calls of the port out. It knows the mirrors, and leads each event to the one it is
 * for. Pure: no I/O, no clock.
 */
import { decodeBytes } from "../../src/wire/bytes.ts";
import { CONNECTOR_HEADER_BYTES, decodeConnector } from "../../src/wire/netlink.ts";
import { type Construction, parseConstruction } from "./constructor.ts";
import { Context } from "./context.ts";
import { EAGAIN, EINVAL, ENOENT } from "./errors.ts";
import { askUnknown, refuse } from "./kernel_requests.ts";
import { constructionText, LOCAL } from "./local_requests.ts";
import {
  askAnew,
  learnSelf,
  type Member,
  mergeWith,
  selfJoined,
  selfLeft,
  takeMembers,
  validWhenFirst,
  validWhenSole,
} from "./membership.ts";
import { decodeMessage } from "./message.ts";
import { type DiskLog, IDENTITY_BYTES, Mirror } from "./mirror.ts";
import { type MirrorEvent, TABLE } from "./mirror_table.ts";
import { stateBytes } from "./mirror_state.ts";
import type { Port } from "./port.ts";
import { mayResume, SuspendedTables } from "./replaced.ts";
import { keep } from "./resumes.ts";
import { NO_SEQ } from "./send.ts";
import { hasTrailer } from "./trailer.ts";
import {
  CHECKPOINT_READY,
  CTR,
  decodeRequest,
  DM_CONNECTOR,
  DTR,
  POSTSUSPEND,
  type Request,
  RESUME,
} from "./ulog.ts";
import type { Entry } from "./entries.ts";

export class Machine {
  readonly mirrors: Mirror[] = [];
  readonly context: Context;
  readonly #frame = { seq: 0, ack: 0, payloadBytes: 0 };
  /** Tables that an earlier daemon knew, and that were suspended under this one. */
  readonly #suspended = new SuspendedTables();

  /** `original`: behave as lvm2's daemon, its defects included. */
  constructor(port: Port, pid: number, original = false) {
    this.context = new Context(port, pid, original);
  }

  /** The own nodeid, where it is known before the first configuration change. */
  setSelf(node: number): void {
    this.context.me = node;
  }

  /** Wakes requests that an earlier process left unanswered: the kernel repeats at once what is acknowledged with EAGAIN (D1). */
  wake(firstSeq: number, count: number): void {
    for (let i = 0; i < count; i++) this.context.replies.ack(firstSeq + i >>> 0, EAGAIN);
  }

  /** One datagram of the connector's socket, in a buffer that the answer may be written to. */
  fromKernel(bytes: Uint8Array, view: DataView, length: number, nowMs: number): void {
    const { context } = this;
    context.nowMs = nowMs;
    if (decodeConnector(view, length, DM_CONNECTOR, this.#frame) !== "ok") return;
    const end = CONNECTOR_HEADER_BYTES + this.#frame.payloadBytes;
    const { request } = context;
    const verdict = decodeRequest(bytes, view, CONNECTOR_HEADER_BYTES, end, request);
    if (verdict === "ok") {
      if (request.seq !== NO_SEQ || context.original) return this.#route(request);
      // That number is that of requests which nobody waits for; the kernel asks again with the next one.
      return context.replies.ack(NO_SEQ, EAGAIN);
    }
    context.port.say("badRequest", undefined, request.type);
    // Whoever asks waits for an answer; no such request can be answered but with an error.
    if (verdict !== "short") context.replies.error(request, EINVAL);
  }

  #route(request: Request): void {
    const { context } = this;
    const mirror = this.#find(request);
    if (request.type === CTR) return this.#construct(request, mirror);
    if (mirror === undefined) return this.#unknown(request);
    const local = LOCAL[request.type];
    if (request.type === RESUME && !mayResume(context, this.mirrors, mirror)) return;
    if (local !== undefined) local(context, mirror);
    else this.#step(mirror, kernelEvent(request.type));
    this.#forgetDestroyed(mirror);
  }

  #unknown(request: Request): void {
    const { context } = this;
    const { original, replies } = context;
    if (request.type === DTR) return replies.error(request, original ? EINVAL : 0);
    this.#suspended.note(request);
    if (!original && request.type !== RESUME) return askUnknown(context);
    // After CTR of a daemon that is gone: were it told of an error, the kernel would let fail what it wanted. It asks again, and is told.
    if (request.type === RESUME) return replies.error(request, 0);
    refuse(context, LOCAL[request.type] === undefined ? ENOENT : EINVAL);
  }

  /** The mirrors are few, and the last one asked for is mostly the next one. */
  #find(request: Request): Mirror | undefined {
    const { mirrors } = this;
    for (let i = 0; i < mirrors.length; i++) {
      if (!isSame(mirrors[i], request)) continue;
      if (i > 0) [mirrors[0], mirrors[i]] = [mirrors[i], mirrors[0]];
      return mirrors[0];
    }
    return undefined;
  }

  #construct(request: Request, known: Mirror | undefined): void {
    const { context } = this;
    const { original, replies } = context;
    const { text, reconnects } = constructionText(request);
    const construction = parseConstruction(text);
    if (known !== undefined) return this.#constructAgain(request, known, construction, reconnects);
    if (typeof construction === "number") return replies.error(request, construction);
    this.#add(request, construction, !original && reconnects);
  }

  /**
   * D1: the kernel introduces itself once for each task that waits. And it repeats a CTR that it did not see answered in time, or that
   * wake() has called off though it came to this daemon: the table is the same, and is answered like the first time.
   */
  #constructAgain(
    request: Request,
    mirror: Mirror,
    construction: Construction | number,
    reconnects: boolean,
  ): void {
    const { context } = this;
    const { original, replies, entries } = context;
    if (original) return replies.error(request, EINVAL);
    if (reconnects) return replies.error(request, 0);
    const isSame = JSON.stringify(construction) === JSON.stringify(mirror.log.construction);
    const isFresh = mirror.phase === "pending" && !mirror.isSuspended && mirror.keeps === "nothing";
    if (!isSame || !isFresh) return replies.error(request, EINVAL);
    if (mirror.construction === undefined) return replies.text(request, mirror.answer);
    entries.give(mirror.construction);
    mirror.construction = keep(context, request);
  }

  #add(request: Request, construction: Construction, reconnects: boolean): void {
    const { context } = this;
    const { bytes, base } = request;
    const identity = bytes.slice(base, base + IDENTITY_BYTES);
    const storage = context.port.state(identity, stateBytes(construction.regionCount));
    const mirror = new Mirror(identity, storage, construction, context.original);
    mirror.version = request.version;
    if (reconnects && mirror.state.holds(identity, construction)) {
      mirror.keeps = "live";
      // Its kernel may have marked what the group has not heard of.
      mirror.needsFlush = true;
      mirror.wasShared = mirror.state.isShared;
      mirror.written.push(...mirror.log.own.members());
    } else {
      mirror.wasSuspended = reconnects && mirror.state.holdsSuspended(identity, construction);
      beginState(mirror);
    }
    mirror.wasSuspended ||= reconnects && this.#suspended.take(request);
    // It was resumed in an earlier life, and has then obeyed its table line.
    mirror.wasFilled = mirror.keeps === "live" || mirror.wasSuspended;
    mirror.log.wholeOnce = mirror.keeps === "live" && mirror.state.wholeOnce;
    this.mirrors.push(mirror);
    this.#noteSiblings();
    // D2: a reconnect has no room for the device.
    const text = reconnects || construction.answer === "" ? "" : `${construction.answer}\0`;
    mirror.answer = text;
    if (mirror.disk === undefined) return context.replies.text(request, text);
    mirror.construction = keep(context, request);
    context.port.openLog(mirror, construction.device);
  }

  /** openLog()'s outcome: 0, or the error that CTR is answered with. `device`: major:minor. */
  logOpened(mirror: Mirror, error: number, device: string): void {
    const { replies, entries } = this.context;
    const kept = mirror.construction as Entry;
    mirror.construction = undefined;
    (mirror.disk as DiskLog).device = device;
    if (error === 0) replies.text(kept.request, mirror.answer);
    else {
      replies.error(kept.request, error);
      this.#forget(mirror);
    }
    entries.give(kept);
  }

  logRead(mirror: Mirror, error: number, nowMs: number): void {
    this.#diskEvent(mirror, "read", error, nowMs);
  }

  logWritten(mirror: Mirror, error: number, nowMs: number): void {
    this.#diskEvent(mirror, "written", error, nowMs);
  }

  #diskEvent(mirror: Mirror, event: MirrorEvent, error: number, nowMs: number): void {
    this.context.nowMs = nowMs;
    this.context.error = error;
    this.#step(mirror, event);
  }

  /** A message of the group; it may be written to. */
  deliver(
    handle: number,
    node: number,
    pid: number,
    bytes: Uint8Array,
    view: DataView,
    length: number,
    nowMs: number,
  ): void {
    const { context } = this;
    context.nowMs = nowMs;
    const mirror = this.#joined(handle);
    if (mirror === undefined) return;
    const isOwn = node === context.me;
    if (isOwn && pid !== context.pid && !context.original) return;
    if (isOwn) mirror.inFlight--;
    context.node = node;
    const verdict = decodeMessage(bytes, view, length, context.message);
    if (verdict !== "ok") return context.port.say("badMessage", mirror, node);
    if (hasTrailer(context.message)) mirror.ours.add(node);
    this.#step(mirror, this.#groupEvent(isOwn));
  }

  #groupEvent(isOwn: boolean): MirrorEvent {
    const { type, isResponse } = this.context.message;
    if (isResponse) return "response";
    if (type === CHECKPOINT_READY) return "checkpoint";
    return type === POSTSUSPEND && !isOwn ? "otherSuspends" : "request";
  }

  /** cpg's configuration change. The original looks at the first that left and the first that joined only (D16). */
  configure(
    handle: number,
    members: readonly Member[],
    left: readonly Member[],
    joined: readonly Member[],
    nowMs: number,
  ): void {
    const { context } = this;
    context.nowMs = nowMs;
    const mirror = this.#joined(handle);
    if (mirror === undefined) return;
    const most = context.original ? 1 : members.length + left.length + joined.length;
    learnSelf(context, joined.slice(0, most));
    const server = mirror.lowest;
    takeMembers(context, mirror, members);
    for (const member of left.slice(0, most)) {
      if (this.#isSelf(member)) return this.#leave(mirror);
      if (mirror.isMember(member.nodeid)) continue;
      this.#memberEvent(mirror, "left", member);
      if (member.nodeid === server) askAnew(context, mirror);
    }
    for (const member of joined.slice(0, most)) {
      if (this.#isSelf(member)) {
        if (!context.original) selfJoined(context, mirror);
        continue;
      }
      this.#memberEvent(mirror, "joined", member);
      mergeWith(context, mirror, member);
    }
    if (left.length > 0) validWhenFirst(context, mirror);
    else validWhenSole(context, mirror);
  }

  #isSelf({ nodeid, pid }: Member): boolean {
    const { me, original } = this.context;
    return nodeid === me && (original || pid === this.context.pid);
  }

  #memberEvent(mirror: Mirror, event: MirrorEvent, { nodeid, reason }: Member): void {
    if (nodeid === this.context.me) return;
    this.context.node = nodeid;
    this.context.reason = reason;
    this.#step(mirror, event);
  }

  #leave(mirror: Mirror): void {
    selfLeft(this.context, mirror);
    this.#forgetDestroyed(mirror);
  }

  /** A round of deliveries for this handle is over. */
  dispatched(handle: number, nowMs: number): void {
    this.context.nowMs = nowMs;
    const mirror = this.#joined(handle);
    if (mirror !== undefined) this.#step(mirror, "dispatched");
  }

  /** The connection to corosync that this handle stands for is gone. */
  lost(handle: number, nowMs: number): void {
    this.context.nowMs = nowMs;
    const mirror = this.#joined(handle);
    if (mirror === undefined) return;
    this.#step(mirror, "lost");
    this.#forgetDestroyed(mirror);
  }

  /** The time has come that nextDueMs() named. */
  tick(nowMs: number): void {
    this.context.nowMs = nowMs;
    for (const mirror of [...this.mirrors]) this.#step(mirror, "due");
  }

  /** When tick() is to be called next; undefined while nothing is put off. */
  nextDueMs(): number | undefined {
    let next = Infinity;
    for (const mirror of this.mirrors) next = Math.min(next, dueOf(mirror));
    return next === Infinity ? undefined : next;
  }

  #joined(handle: number): Mirror | undefined {
    for (const mirror of this.mirrors) if (mirror.handle === handle) return mirror;
    return undefined;
  }

  #step(mirror: Mirror, event: MirrorEvent): void {
    TABLE[mirror.phase][event](this.context, mirror);
  }

  #noteSiblings(): void {
    const counts = new Map<string, number>();
    const uuidOf = ({ groupName }: Mirror): string => decodeBytes(groupName, 0, groupName.length);
    for (const mirror of this.mirrors) {
      const uuid = uuidOf(mirror);
      counts.set(uuid, (counts.get(uuid) ?? 0) + 1);
    }
    for (const mirror of this.mirrors) mirror.hasSibling = counts.get(uuidOf(mirror)) !== 1;
  }

  #forgetDestroyed(mirror: Mirror): void {
    if (mirror.destroyed && mirror.phase === "pending") this.#forget(mirror);
  }

  #forget(mirror: Mirror): void {
    const { port } = this.context;
    const index = this.mirrors.indexOf(mirror);
    if (index >= 0) this.mirrors.splice(index, 1);
    this.#noteSiblings();
    if (mirror.disk !== undefined) port.closeLog(mirror);
    port.dropState(mirror.identity);
  }
}

/** What the phase waits for: what it would not act upon must not wake it. */
function dueOf(mirror: Mirror): number {
  const { phase, dueMs = Infinity, retryDueMs = Infinity, flushDueMs = Infinity, idle } = mirror;
  switch (phase) {
    case "pending":
      return Infinity;
    case "joining":
      return dueMs;
    case "invalid":
      return Math.min(dueMs, retryDueMs);
    case "loading":
    case "leaving":
      return retryDueMs;
    case "valid": {
      const writersMs = mirror.writers.size > 0 ? mirror.writersDueMs : Infinity;
      return Math.min(retryDueMs, flushDueMs, idle.dueMs ?? Infinity, writersMs);
    }
  }
}

function beginState(mirror: Mirror): void {
  mirror.state.begin(mirror.identity, mirror.log.construction);
  if (mirror.wasSuspended) mirror.state.note(false, false);
  mirror.log.construct();
}

function kernelEvent(type: number): MirrorEvent {
  if (type === RESUME) return "resume";
  if (type === POSTSUSPEND) return "suspend";
  return type === DTR ? "destroy" : "ask";
}

/** Compares luid and uuid; what follows a uuid's NUL does not count, and is zero. */
function isSame({ identityWords }: Mirror, { view, base }: Request): boolean {
  for (let i = 0; i < identityWords.length; i++) {
    if (identityWords[i] !== view.getUint32(base + 4 * i, true)) return false;
  }
  return true;
}
