/**
 * libcpg (corosync/cpg.h): groups of processes across the cluster, whose messages and changes of membership all members see in the
 * same order.
 *
 * join() that returns is not membership yet: wait for the configuration change that has this process among those who joined. What is
 * sent before the join or after a leave is dropped without an error.
 */
import { layout } from "../src/wire/layout.ts";
import {
  callbackAddress,
  checkCorosync,
  Connection,
  CS_ERR_TRY_AGAIN,
  decodeRingId,
  once,
  openHandle,
  readNodeIds,
  type RingId,
  ringIdLayout,
  type ServiceCalls,
} from "./corosync.ts";
import { libc } from "./libc.ts";
import { addressOf, readBytes } from "./memory.ts";
import { openLibrary } from "./open.ts";
import { pollDescriptor, POLLOUT } from "./poll.ts";

export const CPG_REASON_UNDEFINED = 0;
export const CPG_REASON_JOIN = 1;
export const CPG_REASON_LEAVE = 2;
export const CPG_REASON_NODEDOWN = 3;
export const CPG_REASON_NODEUP = 4;
export const CPG_REASON_PROCDOWN = 5;
const CPG_MODEL_V1 = 1;
const CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF = 1;
/** All guarantees that cpg.h offers are this one. */
const CPG_TYPE_AGREED = 2;
const CPG_MAX_NAME_LENGTH = 128;
const CPG_MEMBERS_MAX = 128;

const NAME = layout("struct cpg_name", { length: "u32", value: ["bytes", CPG_MAX_NAME_LENGTH] });
const ADDRESS = layout("struct cpg_address", { nodeid: "u32", pid: "u32", reason: "u32" });
const MODEL_DATA = layout("cpg_model_v1_data_t", {
  model: "u32",
  cpg_deliver_fn: "u64",
  cpg_confchg_fn: "u64",
  cpg_totem_confchg_fn: "u64",
  flags: "u32",
});
const IOVEC = layout("struct iovec", { iov_base: "u64", iov_len: "u64" });

export const CONSTANTS = {
  CPG_MODEL_V1,
  CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF,
  CPG_TYPE_AGREED,
  CPG_MAX_NAME_LENGTH,
  CPG_MEMBERS_MAX,
};
export const STRUCTS = [NAME, ADDRESS, MODEL_DATA, IOVEC, ringIdLayout("struct cpg_ring_id")];

const cpg = openLibrary("libcpg.so.4", {
  // cs_error_t cpg_model_initialize(cpg_handle_t *, cpg_model_t, cpg_model_data_t *, void *context)
  cpg_model_initialize: { parameters: ["buffer", "u32", "buffer", "usize"], result: "i32" },
  // cs_error_t cpg_fd_get(cpg_handle_t, int *fd)
  cpg_fd_get: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t cpg_dispatch(cpg_handle_t, cs_dispatch_flags_t)
  cpg_dispatch: { parameters: ["u64", "u32"], result: "i32" },
  // cs_error_t cpg_finalize(cpg_handle_t)
  cpg_finalize: { parameters: ["u64"], result: "i32" },
  // cs_error_t cpg_join(cpg_handle_t, const struct cpg_name *group)
  cpg_join: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t cpg_leave(cpg_handle_t, const struct cpg_name *group)
  cpg_leave: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t cpg_mcast_joined(cpg_handle_t, cpg_guarantee_t, const struct iovec *, unsigned int iov_len)
  cpg_mcast_joined: { parameters: ["u64", "u32", "buffer", "u32"], result: "i32" },
  // cs_error_t cpg_membership_get(cpg_handle_t, struct cpg_name *group, struct cpg_address *members, int *entries)
  cpg_membership_get: { parameters: ["u64", "buffer", "buffer", "buffer"], result: "i32" },
  // cs_error_t cpg_local_get(cpg_handle_t, unsigned int *local_nodeid)
  cpg_local_get: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t cpg_max_atomic_msgsize_get(cpg_handle_t, uint32_t *size)
  cpg_max_atomic_msgsize_get: { parameters: ["u64", "buffer"], result: "i32" },
}, { often: ["cpg_mcast_joined", "cpg_dispatch"] });

const CALLS: ServiceCalls = {
  service: "cpg",
  fdGet: (handle, fd) => cpg.cpg_fd_get(handle, fd),
  dispatch: (handle, how) => cpg.cpg_dispatch(handle, how),
  finalize: (handle) => cpg.cpg_finalize(handle),
};

export interface CpgMember {
  readonly nodeId: number;
  readonly pid: number;
  /** CPG_REASON_…; CPG_REASON_UNDEFINED in a list of members. */
  readonly reason: number;
}

export interface CpgHandlers {
  /** A message: the first `length` bytes of `bytes`, which are overwritten by the next one. */
  deliver(nodeId: number, pid: number, bytes: Uint8Array<ArrayBuffer>, length: number): void;
  confchg(members: CpgMember[], left: CpgMember[], joined: CpgMember[]): void;
  /** A new ring, behind the confchg that it led to. */
  totemConfchg(ring: RingId, members: number[]): void;
}

const connections = new Map<bigint, CpgHandlers>();

/** Where messages are copied to: as large as the largest so far. */
let received = new Uint8Array(65_536);

function receive(address: bigint, length: number): void {
  if (length > received.length) received = new Uint8Array(2 ** Math.ceil(Math.log2(length)));
  if (length > 0) libc.memcpy(received, address, BigInt(length));
}

function readMembers(address: bigint, count: bigint): CpgMember[] {
  const { at, size } = ADDRESS;
  const view = new DataView(readBytes(address, size * Number(count)).buffer);
  return Array.from({ length: Number(count) }, (_, i) => ({
    nodeId: view.getUint32(i * size + at.nodeid, true),
    pid: view.getUint32(i * size + at.pid, true),
    reason: view.getUint32(i * size + at.reason, true),
  }));
}

/** Without a deliver function, libcpg of corosync 3.1.7 crashes on any fragmented message in the group. */
function deliverFn(): bigint {
  return callbackAddress(
    // void (*)(cpg_handle_t, const struct cpg_name *, uint32_t nodeid, uint32_t pid, void *msg, size_t msg_len)
    { parameters: ["u64", "usize", "u32", "u32", "usize", "usize"], result: "void" },
    (handle, _group, nodeId, pid, message, length) => {
      receive(message, Number(length));
      connections.get(handle)?.deliver(nodeId, pid, received, Number(length));
    },
  );
}

function confchgFn(): bigint {
  return callbackAddress(
    // void (*)(cpg_handle_t, const struct cpg_name *, and three times const struct cpg_address *, size_t: members, left, joined)
    {
      parameters: ["u64", "usize", "usize", "usize", "usize", "usize", "usize", "usize"],
      result: "void",
    },
    (handle, _group, members, memberCount, left, leftCount, joined, joinedCount) =>
      connections.get(handle)?.confchg(
        readMembers(members, memberCount),
        readMembers(left, leftCount),
        readMembers(joined, joinedCount),
      ),
  );
}

function totemConfchgFn(): bigint {
  return callbackAddress(
    // void (*)(cpg_handle_t, struct cpg_ring_id, uint32_t entries, const uint32_t *members)
    { parameters: ["u64", { struct: ["u32", "u64"] }, "u32", "usize"], result: "void" },
    (handle, ring, count, members) =>
      connections.get(handle)?.totemConfchg(decodeRingId(ring), readNodeIds(members, count)),
  );
}

const modelData = once(() => {
  const { at, size } = MODEL_DATA;
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(at.model, CPG_MODEL_V1, true);
  view.setBigUint64(at.cpg_deliver_fn, deliverFn(), true);
  view.setBigUint64(at.cpg_confchg_fn, confchgFn(), true);
  view.setBigUint64(at.cpg_totem_confchg_fn, totemConfchgFn(), true);
  view.setUint32(at.flags, CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF, true);
  return bytes;
});

/** A group's name: any bytes, or text in UTF-8. */
export type GroupName = string | Uint8Array;

/** struct cpg_name. Throws RangeError for a name of more than 128 bytes. */
function groupName(name: GroupName): Uint8Array<ArrayBuffer> {
  const text = typeof name === "string" ? new TextEncoder().encode(name) : name;
  if (text.length > CPG_MAX_NAME_LENGTH) {
    throw new RangeError(`group "${name}" is longer than ${CPG_MAX_NAME_LENGTH} bytes`);
  }
  const bytes = new Uint8Array(NAME.size);
  new DataView(bytes.buffer).setUint32(NAME.at.length, text.length, true);
  bytes.set(text, NAME.at.value);
  return bytes;
}

/** A connection for one group. */
export class Cpg extends Connection {
  readonly #iovec = new Uint8Array(IOVEC.size);
  readonly #iovecView = new DataView(this.#iovec.buffer);

  /** Throws CorosyncError. */
  static connect(handlers: CpgHandlers): Cpg {
    const handle = openHandle(
      "cpg_model_initialize",
      (out) => cpg.cpg_model_initialize(out, CPG_MODEL_V1, modelData(), 0n),
    );
    connections.set(handle, handlers);
    return new Cpg(CALLS, handle);
  }

  /** Throws CorosyncError (CS_ERR_TRY_AGAIN, CS_ERR_EXIST: this process is in the group), RangeError. */
  join(group: GroupName): void {
    checkCorosync(cpg.cpg_join(this.handle, groupName(group)), "cpg_join");
  }

  /** Throws CorosyncError, RangeError. */
  leave(group: GroupName): void {
    checkCorosync(cpg.cpg_leave(this.handle, groupName(group)), "cpg_leave");
  }

  /**
   * Sends the first `length` bytes to all members, this one included; a CS_… code. CS_ERR_TRY_AGAIN is normal: corosync has too much
   * to send, forms a ring, or is stopped. Does not wait, but for messages of more than maxAtomicBytes().
   */
  send(bytes: Uint8Array<ArrayBuffer>, length: number): number {
    // With each message the library sends a byte by its socket, and tries for ever where there is no room (qb_ipcc_sendv of libqb).
    if (pollDescriptor(this.fd, POLLOUT, 0) === 0) return CS_ERR_TRY_AGAIN;
    this.#iovecView.setBigUint64(IOVEC.at.iov_base, addressOf(bytes), true);
    this.#iovecView.setBigUint64(IOVEC.at.iov_len, BigInt(length), true);
    // The library keeps nothing: what does not fit the shared ring is answered with CS_ERR_TRY_AGAIN.
    return cpg.cpg_mcast_joined(this.handle, CPG_TYPE_AGREED, this.#iovec, 1);
  }

  /** Who is in a group, whether or not we are. Throws CorosyncError, RangeError. */
  members(group: GroupName): CpgMember[] {
    const members = new Uint8Array(ADDRESS.size * CPG_MEMBERS_MAX);
    const count = new Int32Array(1);
    const code = cpg.cpg_membership_get(
      this.handle,
      groupName(group),
      members,
      new Uint8Array(count.buffer),
    );
    checkCorosync(code, "cpg_membership_get");
    return readMembers(addressOf(members), BigInt(count[0]));
  }

  /** The node id of this machine. Throws CorosyncError. */
  localNodeId(): number {
    const id = new Uint32Array(1);
    checkCorosync(cpg.cpg_local_get(this.handle, new Uint8Array(id.buffer)), "cpg_local_get");
    return id[0];
  }

  /** The longest message that is sent in one piece, in bytes. Throws CorosyncError. */
  maxAtomicBytes(): number {
    const size = new Uint32Array(1);
    const code = cpg.cpg_max_atomic_msgsize_get(this.handle, new Uint8Array(size.buffer));
    checkCorosync(code, "cpg_max_atomic_msgsize_get");
    return size[0];
  }

  /** A connection that is dead already answers CS_ERR_LIBRARY and is closed all the same. */
  override close(): void {
    super.close();
    connections.delete(this.handle);
  }
}

/** Loads the library and makes the callbacks, while files can still be opened and code be made. Throws LibraryError. */
export function loadCpg(): void {
  void cpg.cpg_fd_get;
  modelData();
}
