/** Between the machine and the world: performs what it asks for, and tells it what happens. */
import type { ConnectorSocket } from "../../../ffi/netlink.ts";
import { processId } from "../../../ffi/process.ts";
import type { Reactor, Timer } from "../../../src/host/reactor.ts";
import { CONNECTOR_HEADER_BYTES } from "../../../src/wire/netlink.ts";
import { CS_OK } from "../errors.ts";
import { MAX_OUTBOX_MESSAGES, MAX_WAITING_REQUESTS, WAKE_REQUESTS } from "../limits.ts";
import { LostRequests } from "../lost_requests.ts";
import { Machine } from "../machine.ts";
import type { Member } from "../membership.ts";
import type { Mirror } from "../mirror.ts";
import type { Notice, Port } from "../port.ts";
import { DM_ULOG_REQUEST } from "../ulog.ts";
import { Counters } from "./counters.ts";
import { GatedGroups } from "./gated_groups.ts";
import type { GroupEvents } from "./groups.ts";
import { Kernel, type KernelEvents } from "./kernel.ts";
import { LogDevices, type LogEvents } from "./log_devices.ts";
import { Notices } from "./notices.ts";
import type { SequenceFile, StateFiles } from "./state_files.ts";

const SEQ_AT = CONNECTOR_HEADER_BYTES + DM_ULOG_REQUEST.at.seq;

export class Core implements Port, KernelEvents, GroupEvents, LogEvents {
  readonly machine: Machine;
  readonly counters: Counters;
  readonly #kernel: Kernel;
  readonly #groups: GatedGroups;
  readonly #devices: LogDevices;
  readonly #notices: Notices;
  readonly #lost: LostRequests;
  #timer: Timer | undefined;
  #timerDueMs = Infinity;

  constructor(
    private readonly reactor: Reactor,
    socket: ConnectorSocket,
    private readonly states: StateFiles,
    private readonly sequence: SequenceFile,
    isGated: boolean,
  ) {
    const now = (): number => reactor.now();
    this.machine = new Machine(this, processId());
    this.counters = new Counters(() => this.machine.mirrors, now);
    this.#notices = new Notices(now);
    this.#groups = new GatedGroups(reactor, isGated, this);
    this.#devices = new LogDevices(reactor, this.counters, this);
    this.#lost = new LostRequests((first, count) => this.machine.wake(first, count));
    this.#kernel = new Kernel(reactor, socket, this.counters, this);
  }

  /** Has the kernel repeat what an earlier daemon has left unanswered. */
  wake(): void {
    const { previous } = this.sequence;
    if (previous === undefined) return;
    this.machine.wake(previous - WAKE_REQUESTS, 2 * WAKE_REQUESTS);
  }

  /** Nothing waits, and no mirror is known. */
  get isIdle(): boolean {
    return this.machine.mirrors.length === 0;
  }

  /** Whether this node has quorum, in a word. */
  get quorum(): string {
    return this.#groups.gate.state;
  }

  close(): void {
    this.reactor.cancel(this.#timer);
    this.#kernel.close();
    this.#groups.close();
  }

  // The kernel's events.

  frame(bytes: Uint8Array<ArrayBuffer>, view: DataView, length: number): void {
    const nowMs = this.reactor.turnMs;
    this.counters.asked(view, length, nowMs);
    if (length >= SEQ_AT + 4) this.#note(view.getUint32(SEQ_AT, true));
    this.machine.fromKernel(bytes, view, length, nowMs);
    this.#settle();
  }

  overrun(): void {
    this.#lost.overrun();
  }

  drained(): void {
    this.#lost.drained();
  }

  #note(seq: number): void {
    this.sequence.note(seq);
    this.#lost.seen(seq);
  }

  /** After each step: the timer is set, and the kernel is heard or not. */
  #settle(): void {
    const due = this.machine.nextDueMs() ?? Infinity;
    if (due < this.#timerDueMs) {
      this.reactor.cancel(this.#timer);
      this.#timerDueMs = due;
      this.#timer = this.reactor.after(due - this.reactor.now(), () => this.#tick());
    }
    this.#kernel.pause(this.#isOverloaded());
  }

  #tick(): void {
    this.#timer = undefined;
    this.#timerDueMs = Infinity;
    this.machine.tick(this.reactor.now());
    this.#settle();
  }

  #isOverloaded(): boolean {
    const { mirrors } = this.machine;
    for (const { outbox, working } of mirrors) {
      if (outbox.length > MAX_OUTBOX_MESSAGES || working.length > MAX_WAITING_REQUESTS) return true;
    }
    return false;
  }

  // The groups' events.

  deliver(
    handle: number,
    node: number,
    pid: number,
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    length: number,
  ): void {
    this.counters.delivered.add();
    this.machine.deliver(handle, node, pid, bytes, view, length, this.reactor.now());
  }

  configure(
    handle: number,
    members: readonly Member[],
    left: readonly Member[],
    joined: readonly Member[],
  ): void {
    this.machine.configure(handle, members, left, joined, this.reactor.now());
  }

  dispatched(handle: number): void {
    this.machine.dispatched(handle, this.reactor.now());
    this.#settle();
  }

  lost(handle: number): void {
    this.machine.lost(handle, this.reactor.now());
    this.#settle();
  }

  self(node: number): void {
    this.machine.setSelf(node);
  }

  // The log devices' events.

  logOpened(mirror: Mirror, error: number, device: string): void {
    this.machine.logOpened(mirror, error, device);
    this.#settle();
  }

  logRead(mirror: Mirror, error: number): void {
    this.machine.logRead(mirror, error, this.reactor.now());
    this.#settle();
  }

  logWritten(mirror: Mirror, error: number): void {
    this.machine.logWritten(mirror, error, this.reactor.now());
    this.#settle();
  }

  // What the machine asks for.

  toKernel(bytes: Uint8Array<ArrayBuffer>, length: number): void {
    this.#kernel.send(bytes, length);
  }

  initialize(): number {
    return this.#groups.initialize();
  }

  join(handle: number, name: Uint8Array): number {
    return this.#groups.join(handle, name);
  }

  leave(handle: number): number {
    return this.#groups.leave(handle);
  }

  finalize(handle: number): number {
    return this.#groups.finalize(handle);
  }

  multicast(handle: number, bytes: Uint8Array<ArrayBuffer>, length: number): number {
    const status = this.#groups.multicast(handle, bytes, length);
    if (status === CS_OK) this.counters.sent.add();
    else this.counters.refused.add();
    return status;
  }

  openLog(mirror: Mirror, device: string): void {
    this.#devices.open(mirror, device);
  }

  closeLog(mirror: Mirror): void {
    this.#devices.close(mirror);
  }

  readLog(mirror: Mirror, image: Uint8Array): void {
    this.#devices.read(mirror, image);
  }

  writeLog(mirror: Mirror, image: Uint8Array, offset: number, length: number): void {
    this.#devices.write(mirror, image, offset, length);
  }

  state(identity: Uint8Array, bytes: number): Uint8Array {
    return this.states.open(identity, bytes);
  }

  dropState(identity: Uint8Array): void {
    this.states.drop(identity);
  }

  say(notice: Notice, mirror: Mirror | undefined, detail: number): void {
    this.counters.notices.add();
    this.#notices.say(notice, mirror, detail);
  }
}
