/**
 * libquorum (corosync/quorum.h), model 1: whether this node is in a quorate part of the cluster, and who is in it.
 *
 * A membership change gives one nodelist report, then one quorum report of the same ring; a change of quorum alone only the latter.
 * Without a quorum provider nodelist reports are the only ones after the first pair. Model 0 has no nodelist reports.
 */
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
import { openLibrary } from "./open.ts";

const QUORUM_MODEL_V1 = 1;
const QUORUM_FREE = 0;
const QUORUM_SET = 1;

const MODEL_DATA = layout("quorum_model_v1_data_t", {
  model: "u32",
  quorum_notify_fn: "u64",
  nodelist_notify_fn: "u64",
});

export const CONSTANTS = { QUORUM_MODEL_V1, QUORUM_FREE, QUORUM_SET };
export const STRUCTS = [MODEL_DATA, ringIdLayout("struct quorum_ring_id")];

const quorum = openLibrary("libquorum.so.5", {
  // cs_error_t quorum_model_initialize(quorum_handle_t *, quorum_model_t, quorum_model_data_t *, uint32_t *quorum_type, void *context)
  quorum_model_initialize: {
    parameters: ["buffer", "u32", "buffer", "buffer", "usize"],
    result: "i32",
  },
  // cs_error_t quorum_fd_get(quorum_handle_t, int *fd)
  quorum_fd_get: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t quorum_dispatch(quorum_handle_t, cs_dispatch_flags_t)
  quorum_dispatch: { parameters: ["u64", "u32"], result: "i32" },
  // cs_error_t quorum_finalize(quorum_handle_t)
  quorum_finalize: { parameters: ["u64"], result: "i32" },
  // cs_error_t quorum_getquorate(quorum_handle_t, int *quorate)
  quorum_getquorate: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t quorum_trackstart(quorum_handle_t, unsigned int flags)
  quorum_trackstart: { parameters: ["u64", "u32"], result: "i32" },
});

const CALLS: ServiceCalls = {
  service: "quorum",
  fdGet: (handle, fd) => quorum.quorum_fd_get(handle, fd),
  dispatch: (handle, how) => quorum.quorum_dispatch(handle, how),
  finalize: (handle) => quorum.quorum_finalize(handle),
};

export interface QuorumHandlers {
  quorum(quorate: boolean, ring: RingId, members: number[]): void;
  /** A node that restarted so fast that it was never missed is in all three lists. */
  nodelist(ring: RingId, members: number[], joined: number[], left: number[]): void;
}

const connections = new Map<bigint, QuorumHandlers>();

const RING = { struct: ["u32", "u64"] } as const;

const modelData = once(() => {
  const quorumFn = callbackAddress(
    // void (*)(quorum_handle_t, uint32_t quorate, struct quorum_ring_id, uint32_t entries, const uint32_t *members)
    { parameters: ["u64", "u32", RING, "u32", "usize"], result: "void" },
    (handle, quorate, ring, count, members) =>
      connections.get(handle)?.quorum(
        quorate !== 0,
        decodeRingId(ring),
        readNodeIds(members, count),
      ),
  );
  const nodelistFn = callbackAddress(
    // void (*)(quorum_handle_t, struct quorum_ring_id, and three times uint32_t entries, const uint32_t *: members, joined, left)
    {
      parameters: ["u64", RING, "u32", "usize", "u32", "usize", "u32", "usize"],
      result: "void",
    },
    (handle, ring, memberCount, members, joinedCount, joined, leftCount, left) =>
      connections.get(handle)?.nodelist(
        decodeRingId(ring),
        readNodeIds(members, memberCount),
        readNodeIds(joined, joinedCount),
        readNodeIds(left, leftCount),
      ),
  );
  const bytes = new Uint8Array(MODEL_DATA.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(MODEL_DATA.at.model, QUORUM_MODEL_V1, true);
  view.setBigUint64(MODEL_DATA.at.quorum_notify_fn, quorumFn, true);
  view.setBigUint64(MODEL_DATA.at.nodelist_notify_fn, nodelistFn, true);
  return bytes;
});

/** A connection that hears of quorum and members. */
export class Quorum extends Connection {
  private constructor(handle: bigint, readonly hasProvider: boolean) {
    super(CALLS, handle);
  }

  /** Connects; reports come after trackStart(). Throws CorosyncError. */
  static connect(handlers: QuorumHandlers): Quorum {
    const type = new Uint32Array(1);
    const typeBytes = new Uint8Array(type.buffer);
    const handle = openHandle(
      "quorum_model_initialize",
      (out) => quorum.quorum_model_initialize(out, QUORUM_MODEL_V1, modelData(), typeBytes, 0n),
    );
    connections.set(handle, handlers);
    return new Quorum(handle, type[0] === QUORUM_SET);
  }

  /** Reports the state now, and each change. Throws CorosyncError. */
  trackStart(): void {
    checkCorosync(quorum.quorum_trackstart(this.handle, CS_TRACK_CHANGES), "quorum_trackstart");
  }

  /** Asks corosync. Throws CorosyncError. */
  isQuorate(): boolean {
    const quorate = new Int32Array(1);
    const code = quorum.quorum_getquorate(this.handle, new Uint8Array(quorate.buffer));
    checkCorosync(code, "quorum_getquorate");
    return quorate[0] !== 0;
  }

  override close(): void {
    super.close();
    connections.delete(this.handle);
  }
}

/** Loads the library and makes the callbacks, while files can still be opened and code be made. Throws LibraryError. */
export function loadQuorum(): void {
  void quorum.quorum_fd_get;
  modelData();
}
