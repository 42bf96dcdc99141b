/** One node: its kernel, its daemon while it runs, and what of the daemon outlives it. */
import { Machine } from "../../../daemons/cmirrord/machine.ts";
import type { Mirror } from "../../../daemons/cmirrord/mirror.ts";
import type { Port } from "../../../daemons/cmirrord/port.ts";
import type { Random } from "../../fuzz/random.ts";
import type { Clock } from "./clock.ts";
import {
  type Group,
  type GroupEvent,
  NODEDOWN,
  type Participant,
  PROCDOWN,
  TOKEN_LOST_MS,
} from "./group.ts";
import { Connector } from "./kernel.ts";
import type { Legs } from "./legs.ts";
import { MirrorTarget } from "./mirror_target.ts";

/** What all nodes of a cluster share. */
export interface Shared {
  readonly clock: Clock;
  readonly random: Random;
  readonly group: Group;
  readonly legs: Legs;
  readonly table: string;
  readonly uuid: string;
  /** Called when a daemon has done something. */
  readonly check: () => void;
  /** Whether what a node's kernel copies may be handed out to another one (unheard.ts, originals.ts). */
  readonly mayBeCopied: (node: number) => boolean;
}

const EIO = -5;
/** One transfer of the log device in so many fails, and one write in so many takes long. */
const DISK_ERROR_ODDS = 100;
const STALL_ODDS = 20;
const STALL_MS = 2_000;
const CS_OK = 1;
const CS_ERR_LIBRARY = 2;
const CS_ERR_TRY_AGAIN = 6;
const CS_ERR_EXIST = 14;

/** A daemon's process. */
export class Daemon implements Port {
  readonly machine: Machine;
  isDead = false;
  /** By handle. A table that is gone may still be leaving when the next one joins. */
  readonly #participants = new Map<number, Participant>();
  #handles = 0;
  /** How often its node was cut off. */
  #cuts = 0;
  /** When corosync is there again. */
  #backMs = 0;
  #plannedMs: number | undefined;

  constructor(
    private readonly shared: Shared,
    readonly nodeid: number,
    readonly pid: number,
    private readonly states: Map<string, Uint8Array>,
    private readonly connector: () => Connector | undefined,
    original: boolean,
  ) {
    this.machine = new Machine(this, pid, original);
    this.machine.setSelf(nodeid);
  }

  get mirror(): Mirror | undefined {
    return this.machine.mirrors[0];
  }

  /** What the mirror is in its group. */
  get participant(): Participant | undefined {
    return this.#participants.get(this.mirror?.handle ?? -1);
  }

  /** Runs a step of the machine, then sees to its timer and to the checks. */
  do(step: (nowMs: number) => void): void {
    if (this.isDead) return;
    step(this.shared.clock.nowMs);
    this.#plan();
    this.shared.check();
  }

  #plan(): void {
    const { clock } = this.shared;
    const due = this.machine.nextDueMs();
    if (due === undefined || (this.#plannedMs !== undefined && this.#plannedMs <= due)) return;
    this.#plannedMs = due;
    clock.after(Math.max(0, due - clock.nowMs) + 0.01, () => {
      this.#plannedMs = undefined;
      this.do((nowMs) => this.machine.tick(nowMs));
    });
  }

  fromKernel(bytes: Uint8Array<ArrayBuffer>): void {
    const view = new DataView(bytes.buffer);
    this.do((nowMs) => this.machine.fromKernel(bytes, view, bytes.length, nowMs));
  }

  #deliver(handle: number, events: readonly GroupEvent[]): void {
    this.do((nowMs) => {
      for (const event of events) this.#deliverOne(handle, event, nowMs);
      this.machine.dispatched(handle, nowMs);
    });
  }

  #deliverOne(handle: number, event: GroupEvent, nowMs: number): void {
    const { machine } = this;
    if (event.kind === "change") {
      return machine.configure(handle, event.members, event.left, event.joined, nowMs);
    }
    const bytes = event.bytes.slice();
    const { nodeid, pid } = event.sender;
    machine.deliver(handle, nodeid, pid, bytes, new DataView(bytes.buffer), bytes.length, nowMs);
  }

  /** corosync restarts: the group is gone for this node. */
  loseGroup(reason: number): void {
    const { shared } = this;
    const participants = [...this.#participants];
    if (participants.length === 0) return;
    this.#participants.clear();
    this.#cuts++;
    this.#backMs = shared.clock.nowMs + TOKEN_LOST_MS + 500 + shared.random.below(4_000);
    for (const [handle, participant] of participants) {
      shared.group.die(participant, reason);
      this.do((nowMs) => this.machine.lost(handle, nowMs));
    }
  }

  die(reason: number): void {
    this.isDead = true;
    for (const one of this.#participants.values()) this.shared.group.die(one, reason);
  }

  /** One call in `odds` fails. lvm2's daemon cannot cope with that (D8; and a log that was not written counts as written). */
  #isUnlucky(odds: number): boolean {
    return this.shared.random.below(odds) === 0 && !this.machine.context.original;
  }

  toKernel(bytes: Uint8Array, length: number): void {
    const frame = bytes.slice(0, length);
    const connector = this.connector();
    this.shared.clock.after(0, () => connector?.take(frame));
  }
  initialize(): number {
    if (this.shared.clock.nowMs < this.#backMs) return -1;
    return this.#isUnlucky(20) ? -1 : this.#handles++;
  }
  join(handle: number): number {
    const { group } = this.shared;
    if (this.#isUnlucky(20)) return CS_ERR_TRY_AGAIN;
    if (group.has(this.nodeid, this.pid)) return CS_ERR_EXIST;
    const deliver = (events: readonly GroupEvent[]): void => this.#deliver(handle, events);
    this.#participants.set(handle, group.join(this.nodeid, this.pid, deliver));
    return CS_OK;
  }
  leave(handle: number): number {
    if (this.#isUnlucky(20)) return CS_ERR_TRY_AGAIN;
    const participant = this.#participants.get(handle);
    if (participant !== undefined) this.shared.group.leave(participant);
    return CS_OK;
  }
  finalize(handle: number): number {
    const participant = this.#participants.get(handle);
    this.#participants.delete(handle);
    if (participant === undefined) return CS_OK;
    // A member that goes without a word is taken for dead.
    if (participant.isLeaving) participant.isOut = true;
    else this.shared.group.die(participant, PROCDOWN);
    return CS_OK;
  }
  multicast(handle: number, bytes: Uint8Array, length: number): number {
    const participant = this.#participants.get(handle);
    if (participant === undefined) return CS_ERR_LIBRARY;
    if (this.#isUnlucky(30)) return CS_ERR_TRY_AGAIN;
    this.shared.group.send(participant, bytes.slice(0, length));
    return CS_OK;
  }
  openLog(mirror: Mirror): void {
    this.shared.clock.after(1, () => this.do(() => this.machine.logOpened(mirror, 0, "253:0")));
  }
  closeLog(): void {}
  readLog(mirror: Mirror, image: Uint8Array): void {
    const { clock, random, legs } = this.shared;
    clock.after(random.below(20), () => {
      const error = this.#isUnlucky(DISK_ERROR_ODDS) ? EIO : 0;
      if (error === 0) image.set(legs.logDevice);
      this.do((nowMs) => this.machine.logRead(mirror, error, nowMs));
    });
  }
  /**
   * What is on its way to the device when the process dies arrives or not; a node that is cut off is fenced from its disks. lvm2's daemon
   * does nothing else before it is there.
   */
  writeLog(mirror: Mirror, image: Uint8Array, offset: number, length: number): void {
    const { clock, random, legs } = this.shared;
    const { original } = this.machine.context;
    const content = image.slice(offset, offset + length);
    const cuts = this.#cuts;
    if (original) legs.writeLog(content, offset, false);
    const stallMs = this.#isUnlucky(STALL_ODDS) ? random.below(STALL_MS) : 0;
    clock.after(random.below(15) + stallMs, () => {
      if (this.isDead) return;
      const error = this.#isUnlucky(DISK_ERROR_ODDS) ? EIO : 0;
      // A write that has failed may have reached the device all the same.
      const arrives = error === 0 || random.below(2) === 0;
      if (arrives && !original && cuts === this.#cuts) legs.writeLog(content, offset, true);
      this.do((nowMs) => this.machine.logWritten(mirror, error, nowMs));
    });
  }
  state(identity: Uint8Array, bytes: number): Uint8Array {
    const key = identity.toHex();
    const known = this.states.get(key) ?? new Uint8Array(bytes);
    this.states.set(key, known);
    return known;
  }
  dropState(identity: Uint8Array): void {
    this.states.delete(identity.toHex());
  }
  say(): void {}
}

export class Node {
  daemon: Daemon | undefined;
  target: MirrorTarget | undefined;
  #connector: Connector | undefined;
  /** Files under /run: they live as long as the node does. */
  readonly #states = new Map<string, Uint8Array>();
  /** A node that has crashed is back only when it was missed. */
  isDown = false;
  /** Whether the network to it is lost, or its corosync, and it has not been in the group since. */
  isCutOff = false;
  #pids = 100;
  #loads = 1;

  constructor(
    private readonly shared: Shared,
    readonly nodeid: number,
    /** Whether it runs the daemon of lvm2. */
    readonly original = false,
  ) {}

  /** corosync restarts; lvm2's daemon does not survive that (D9). */
  loseGroup(): void {
    if (this.original || this.daemon === undefined) return;
    this.isCutOff = true;
    this.daemon.loseGroup(NODEDOWN);
  }

  startDaemon(): void {
    if (this.daemon !== undefined || this.isDown) return;
    const pid = this.nodeid * 1000 + this.#pids++;
    const kernel = (): Connector | undefined => this.#connector;
    this.daemon = new Daemon(
      this.shared,
      this.nodeid,
      pid,
      this.#states,
      kernel,
      this.original,
    );
    if (this.target?.state === "up") this.#connector?.showStatus();
  }

  /** kill -9. */
  killDaemon(): void {
    this.daemon?.die(PROCDOWN);
    this.daemon = undefined;
  }

  /** Loads the table and resumes it. */
  start(): void {
    const { clock, random, legs, table, uuid, mayBeCopied } = this.shared;
    const deliver = (bytes: Uint8Array<ArrayBuffer>): boolean => {
      this.daemon?.fromKernel(bytes);
      return this.daemon !== undefined;
    };
    this.#connector = new Connector(clock, random, uuid, table, deliver);
    this.#connector.luid = this.nodeid * 1000 + this.#loads++;
    this.target = new MirrorTarget(clock, random, this.#connector, legs, this.nodeid, mayBeCopied);
    this.#connector.run(this.target.life());
  }

  /** The power goes. */
  crash(reason: number): void {
    this.daemon?.die(reason);
    this.daemon = undefined;
    this.target?.die();
    this.target = undefined;
    this.#connector = undefined;
    this.#states.clear();
    this.isDown = true;
    this.isCutOff = false;
    this.shared.clock.after(TOKEN_LOST_MS, () => this.isDown = false);
  }

  /** Whether the kernel has a mirror that it writes to. */
  get isLive(): boolean {
    return this.target !== undefined && this.target.state === "up";
  }

  /** Whether the daemon is a valid member that has heard all there is. */
  get isCurrent(): boolean {
    const { daemon } = this;
    const mirror = daemon?.mirror;
    return daemon !== undefined && mirror !== undefined && mirror.phase === "valid" &&
      mirror.log.resumed && daemon.participant !== undefined &&
      daemon.participant.inbox.length === 0 && mirror.startup.length === 0;
  }
}
