/** libvotequorum (corosync/votequorum.h): votes, behind the yes or no of libquorum. */
import { layout } from "../src/wire/layout.ts";
import {
  callbackAddress,
  checkCorosync,
  Connection,
  CS_TRACK_CHANGES,
  decodeRingId,
  once,
  openHandle,
  readNodeIds,
  type RingId,
  ringIdLayout,
  type ServiceCalls,
} from "./corosync.ts";
import { readBytes } from "./memory.ts";
import { openLibrary } from "./open.ts";

export const VOTEQUORUM_INFO_TWONODE = 1;
export const VOTEQUORUM_INFO_QUORATE = 2;
export const VOTEQUORUM_INFO_WAIT_FOR_ALL = 4;
export const VOTEQUORUM_INFO_QDEVICE_REGISTERED = 64;
export const VOTEQUORUM_NODESTATE_MEMBER = 1;
export const VOTEQUORUM_NODESTATE_DEAD = 2;
export const VOTEQUORUM_NODESTATE_LEAVING = 3;

const INFO = layout("struct votequorum_info", {
  node_id: "u32",
  node_state: "u32",
  node_votes: "u32",
  node_expected_votes: "u32",
  highest_expected: "u32",
  total_votes: "u32",
  quorum: "u32",
  flags: "u32",
  qdevice_votes: "u32",
  qdevice_name: ["bytes", 255],
});
const NODE = layout("votequorum_node_t", { nodeid: "u32", state: "u32" });
const CALLBACKS = layout("votequorum_callbacks_t", {
  votequorum_quorum_notify_fn: "u64",
  votequorum_expectedvotes_notify_fn: "u64",
  votequorum_nodelist_notify_fn: "u64",
});

export const STRUCTS = [INFO, NODE, CALLBACKS, ringIdLayout("votequorum_ring_id_t")];

const votequorum = openLibrary("libvotequorum.so.8", {
  // cs_error_t votequorum_initialize(votequorum_handle_t *, votequorum_callbacks_t *)
  votequorum_initialize: { parameters: ["buffer", "buffer"], result: "i32" },
  // cs_error_t votequorum_fd_get(votequorum_handle_t, int *fd)
  votequorum_fd_get: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t votequorum_dispatch(votequorum_handle_t, cs_dispatch_flags_t)
  votequorum_dispatch: { parameters: ["u64", "u32"], result: "i32" },
  // cs_error_t votequorum_finalize(votequorum_handle_t)
  votequorum_finalize: { parameters: ["u64"], result: "i32" },
  // cs_error_t votequorum_getinfo(votequorum_handle_t, unsigned int nodeid, struct votequorum_info *)
  votequorum_getinfo: { parameters: ["u64", "u32", "buffer"], result: "i32" },
  // cs_error_t votequorum_trackstart(votequorum_handle_t, uint64_t context, unsigned int flags)
  votequorum_trackstart: { parameters: ["u64", "u64", "u32"], result: "i32" },
});

const CALLS: ServiceCalls = {
  service: "votequorum",
  fdGet: (handle, fd) => votequorum.votequorum_fd_get(handle, fd),
  dispatch: (handle, how) => votequorum.votequorum_dispatch(handle, how),
  finalize: (handle) => votequorum.votequorum_finalize(handle),
};

export interface VotequorumNode {
  readonly nodeId: number;
  /** VOTEQUORUM_NODESTATE_… */
  readonly state: number;
}

export interface VotequorumHandlers {
  /** In no order, dead nodes among them. */
  quorum(quorate: boolean, nodes: VotequorumNode[]): void;
  expectedVotes(votes: number): void;
  nodelist(ring: RingId, members: number[]): void;
}

export interface VotequorumInfo {
  readonly nodeId: number;
  /** VOTEQUORUM_NODESTATE_… */
  readonly state: number;
  readonly votes: number;
  readonly expectedVotes: number;
  readonly highestExpected: number;
  readonly totalVotes: number;
  /** The votes that quorum takes. */
  readonly quorum: number;
  /** VOTEQUORUM_INFO_… */
  readonly flags: number;
  readonly qdeviceVotes: number;
  readonly qdeviceName: string;
}

const connections = new Map<bigint, VotequorumHandlers>();

function readNodes(address: bigint, count: number): VotequorumNode[] {
  const view = new DataView(readBytes(address, NODE.size * count).buffer);
  return Array.from({ length: count }, (_, i) => ({
    nodeId: view.getUint32(i * NODE.size + NODE.at.nodeid, true),
    state: view.getUint32(i * NODE.size + NODE.at.state, true),
  }));
}

/** In the order of the header, which is not that of the reports. */
const callbacks = once(() => {
  const addresses = [
    callbackAddress(
      // void (*)(votequorum_handle_t, uint64_t context, uint32_t quorate, uint32_t entries, votequorum_node_t nodes[])
      { parameters: ["u64", "u64", "u32", "u32", "usize"], result: "void" },
      (handle, _context, quorate, count, nodes) =>
        connections.get(handle)?.quorum(quorate !== 0, readNodes(nodes, count)),
    ),
    callbackAddress(
      // void (*)(votequorum_handle_t, uint64_t context, uint32_t expected_votes)
      { parameters: ["u64", "u64", "u32"], result: "void" },
      (handle, _context, votes) => connections.get(handle)?.expectedVotes(votes),
    ),
    callbackAddress(
      // void (*)(votequorum_handle_t, uint64_t context, votequorum_ring_id_t, uint32_t entries, uint32_t members[])
      { parameters: ["u64", "u64", { struct: ["u32", "u64"] }, "u32", "usize"], result: "void" },
      (handle, _context, ring, count, members) =>
        connections.get(handle)?.nodelist(decodeRingId(ring), readNodeIds(members, count)),
    ),
  ];
  return new Uint8Array(new BigUint64Array(addresses).buffer);
});

/** A connection that hears of votes. */
export class Votequorum extends Connection {
  /** Connects; reports come after trackStart(). Throws CorosyncError (CS_ERR_LIBRARY also without a quorum provider). */
  static connect(handlers: VotequorumHandlers): Votequorum {
    const handle = openHandle(
      "votequorum_initialize",
      (out) => votequorum.votequorum_initialize(out, callbacks()),
    );
    connections.set(handle, handlers);
    return new Votequorum(CALLS, handle);
  }

  /** Reports the state now, and each change. Throws CorosyncError. */
  trackStart(): void {
    const code = votequorum.votequorum_trackstart(this.handle, 0n, CS_TRACK_CHANGES);
    checkCorosync(code, "votequorum_trackstart");
  }

  /** What corosync knows of a node; 0 is this one. Throws CorosyncError (CS_ERR_NOT_EXIST). */
  info(nodeId = 0): VotequorumInfo {
    const bytes = new Uint8Array(INFO.size);
    const code = votequorum.votequorum_getinfo(this.handle, nodeId, bytes);
    checkCorosync(code, "votequorum_getinfo");
    return decodeInfo(bytes);
  }

  override close(): void {
    super.close();
    connections.delete(this.handle);
  }
}

function decodeInfo(bytes: Uint8Array<ArrayBuffer>): VotequorumInfo {
  const { at, size } = INFO;
  const view = new DataView(bytes.buffer);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const name = bytes.subarray(at.qdevice_name, size);
  return {
    nodeId: u32(at.node_id),
    state: u32(at.node_state),
    votes: u32(at.node_votes),
    expectedVotes: u32(at.node_expected_votes),
    highestExpected: u32(at.highest_expected),
    totalVotes: u32(at.total_votes),
    quorum: u32(at.quorum),
    flags: u32(at.flags),
    qdeviceVotes: u32(at.qdevice_votes),
    qdeviceName: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
  };
}
