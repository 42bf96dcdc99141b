/** The groups behind the gate of quorum: what they tell waits while it is not known whether this node may act upon it. */
import { CorosyncError, CS_ERR_TRY_AGAIN, CS_OK } from "../../../ffi/corosync.ts";
import { CPG_REASON_NODEDOWN } from "../../../ffi/cpg.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import type { Member } from "../membership.ts";
import { askCorosync, Awake } from "./awake.ts";
import { type GroupEvents, Groups } from "./groups.ts";
import { QuorumGate } from "./quorum_gate.ts";

export class GatedGroups implements GroupEvents {
  readonly gate: QuorumGate;
  readonly #groups: Groups;
  readonly #awake: Awake;
  /** In the order in which it came. */
  #held: (() => void)[] = [];
  readonly #open = new Set<number>();

  constructor(reactor: Reactor, isWanted: boolean, private readonly events: GroupEvents) {
    this.gate = new QuorumGate(reactor, isWanted, {
      decided: (isOpen) => this.#decided(isOpen),
      closed: () => this.#loseAll(),
    });
    this.#groups = new Groups(reactor, this);
    this.#awake = new Awake(reactor, askCorosync(reactor));
  }

  /** The new handle, or the negative of why not (CS_…). */
  initialize(): number {
    const status = this.#awake.status();
    if (status !== CS_OK) return -status;
    try {
      if (!this.gate.isOpen() || this.gate.isWaiting) return -CS_ERR_TRY_AGAIN;
    } catch (error) {
      if (!(error instanceof CorosyncError)) throw error;
      return -error.code;
    }
    const handle = this.#groups.initialize();
    if (handle >= 0) this.#open.add(handle);
    return handle;
  }

  join(handle: number, name: Uint8Array): number {
    return this.#groups.join(handle, name);
  }

  leave(handle: number): number {
    return this.#groups.leave(handle);
  }

  finalize(handle: number): number {
    this.#open.delete(handle);
    return this.#groups.finalize(handle);
  }

  /** While it is not known whether this node may, nothing is sent. */
  multicast(handle: number, bytes: Uint8Array<ArrayBuffer>, length: number): number {
    if (this.gate.isWaiting) return CS_ERR_TRY_AGAIN;
    return this.#groups.multicast(handle, bytes, length);
  }

  /** Whether what the groups tell is being held. */
  get isHolding(): boolean {
    return this.gate.isWaiting;
  }

  close(): void {
    this.gate.close();
    this.#groups.close();
  }

  #decided(isOpen: boolean): void {
    const held = this.#held;
    this.#held = [];
    if (!isOpen) return this.#loseAll();
    for (const tell of held) tell();
  }

  /** As if corosync were gone: the mirrors' requests wait, and they join again when there is quorum. */
  #loseAll(): void {
    this.#held = [];
    for (const handle of [...this.#open]) this.events.lost(handle);
  }

  deliver(
    handle: number,
    node: number,
    pid: number,
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    length: number,
  ): void {
    if (!this.gate.isWaiting) return this.events.deliver(handle, node, pid, bytes, view, length);
    const copy = bytes.slice(0, length);
    const copyView = new DataView(copy.buffer);
    this.#held.push(() => this.events.deliver(handle, node, pid, copy, copyView, length));
  }

  configure(
    handle: number,
    members: readonly Member[],
    left: readonly Member[],
    joined: readonly Member[],
  ): void {
    if (left.some(({ reason }) => reason === CPG_REASON_NODEDOWN)) this.gate.wait();
    this.#tell(() => this.events.configure(handle, members, left, joined));
  }

  dispatched(handle: number): void {
    this.#tell(() => this.events.dispatched(handle));
  }

  lost(handle: number): void {
    this.events.lost(handle);
  }

  self(node: number): void {
    this.events.self(node);
  }

  #tell(tell: () => void): void {
    if (this.gate.isWaiting) this.#held.push(tell);
    else tell();
  }
}
