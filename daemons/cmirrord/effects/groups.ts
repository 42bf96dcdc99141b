/** The process groups that the mirrors are in: one connection to corosync for each. */
import { CorosyncError, CS_ERR_BAD_HANDLE, CS_ERR_LIBRARY, CS_OK } from "../../../ffi/corosync.ts";
import { Cpg, type CpgMember } from "../../../ffi/cpg.ts";
import { LibraryError } from "../../../ffi/open.ts";
import { EPOLLIN, type Reactor } from "../../../src/host/reactor.ts";
import type { Member } from "../membership.ts";

/** What happens in the groups, by the handle of the connection. */
export interface GroupEvents {
  deliver(
    handle: number,
    node: number,
    pid: number,
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    length: number,
  ): void;
  configure(
    handle: number,
    members: readonly Member[],
    left: readonly Member[],
    joined: readonly Member[],
  ): void;
  /** A round of deliveries is over. */
  dispatched(handle: number): void;
  /** Corosync is gone. */
  lost(handle: number): void;
  /** This machine's node id, when it is known. */
  self(node: number): void;
}

interface Group {
  readonly cpg: Cpg;
  name: Uint8Array;
}

function memberOf({ nodeId, pid, reason }: CpgMember): Member {
  return { nodeid: nodeId, pid, reason };
}

/** Messages lie in one buffer, which grows now and then. */
class Views {
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #view = new DataView(new ArrayBuffer(0));

  of(bytes: Uint8Array<ArrayBuffer>): DataView {
    if (bytes === this.#bytes) return this.#view;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    return this.#view;
  }
}

export class Groups {
  readonly #groups = new Map<number, Group>();
  readonly #views = new Views();
  #next = 0;

  constructor(private readonly reactor: Reactor, private readonly events: GroupEvents) {}

  /** Connects to corosync; the new handle, or the negative of why not (CS_…). */
  initialize(): number {
    const handle = this.#next;
    try {
      const cpg = this.#connect(handle);
      this.#next++;
      this.#groups.set(handle, { cpg, name: new Uint8Array(0) });
      this.events.self(cpg.localNodeId());
      this.reactor.watch(cpg.fd, EPOLLIN, () => this.#dispatch(handle));
      return handle;
    } catch (error) {
      this.finalize(handle);
      return -codeOf(error);
    }
  }

  #connect(handle: number): Cpg {
    const { events } = this;
    return Cpg.connect({
      deliver: (node, pid, bytes, length) =>
        events.deliver(handle, node, pid, bytes, this.#views.of(bytes), length),
      confchg: (members, left, joined) =>
        events.configure(
          handle,
          members.map(memberOf),
          left.map(memberOf),
          joined.map(memberOf),
        ),
      totemConfchg: () => {},
    });
  }

  /** Corosync's status, as of the calls below. */
  join(handle: number, name: Uint8Array): number {
    const group = this.#groups.get(handle);
    if (group === undefined) return CS_ERR_BAD_HANDLE;
    group.name = name;
    return statusOf(() => group.cpg.join(name));
  }

  leave(handle: number): number {
    const group = this.#groups.get(handle);
    if (group === undefined) return CS_ERR_BAD_HANDLE;
    return statusOf(() => group.cpg.leave(group.name));
  }

  finalize(handle: number): number {
    const group = this.#groups.get(handle);
    if (group === undefined) return CS_ERR_BAD_HANDLE;
    this.#groups.delete(handle);
    this.reactor.unwatch(group.cpg.fd);
    group.cpg.close();
    return CS_OK;
  }

  multicast(handle: number, bytes: Uint8Array<ArrayBuffer>, length: number): number {
    return this.#groups.get(handle)?.cpg.send(bytes, length) ?? CS_ERR_BAD_HANDLE;
  }

  close(): void {
    for (const handle of [...this.#groups.keys()]) this.finalize(handle);
  }

  #dispatch(handle: number): void {
    const code = this.#groups.get(handle)?.cpg.dispatch();
    // One of the events may have been the end of this membership.
    if (!this.#groups.has(handle)) return;
    if (code === CS_OK) this.events.dispatched(handle);
    else if (code === CS_ERR_LIBRARY || code === CS_ERR_BAD_HANDLE) this.events.lost(handle);
  }
}

function codeOf(error: unknown): number {
  if (error instanceof CorosyncError) return error.code;
  if (error instanceof LibraryError) return CS_ERR_LIBRARY;
  throw error;
}

function statusOf(call: () => void): number {
  try {
    call();
    return CS_OK;
  } catch (error) {
    return codeOf(error);
  }
}
