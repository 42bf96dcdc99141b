/** libcfg (corosync/cfg.h): being asked before corosync shuts down, and asking for things only an administrator would. */
import { layout } from "../src/wire/layout.ts";
import { cString } from "./memory.ts";
import {
  callbackAddress,
  checkCorosync,
  Connection,
  once,
  openHandle,
  type ServiceCalls,
} from "./corosync.ts";
import { Errno } from "./errno.ts";
import { closeDescriptor } from "./file.ts";
import { readMappings, unmap } from "./mappings.ts";
import { openLibrary } from "./open.ts";

/** Votes count. */
export const COROSYNC_CFG_SHUTDOWN_FLAG_REQUEST = 0;
/** We are told, not asked. */
export const COROSYNC_CFG_SHUTDOWN_FLAG_REGARDLESS = 1;
const COROSYNC_CFG_SHUTDOWN_FLAG_NO = 0;
const COROSYNC_CFG_SHUTDOWN_FLAG_YES = 1;

const CALLBACKS = layout("corosync_cfg_callbacks_t", { corosync_cfg_shutdown_callback: "u64" });

export const CONSTANTS = { COROSYNC_CFG_SHUTDOWN_FLAG_NO, COROSYNC_CFG_SHUTDOWN_FLAG_YES };
export const STRUCTS = [CALLBACKS];

const cfg = openLibrary("libcfg.so.7", {
  // cs_error_t corosync_cfg_initialize(corosync_cfg_handle_t *, const corosync_cfg_callbacks_t *)
  corosync_cfg_initialize: { parameters: ["buffer", "buffer"], result: "i32" },
  // cs_error_t corosync_cfg_fd_get(corosync_cfg_handle_t, int32_t *selection_fd)
  corosync_cfg_fd_get: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t corosync_cfg_dispatch(corosync_cfg_handle_t, cs_dispatch_flags_t)
  corosync_cfg_dispatch: { parameters: ["u64", "u32"], result: "i32" },
  // cs_error_t corosync_cfg_finalize(corosync_cfg_handle_t)
  corosync_cfg_finalize: { parameters: ["u64"], result: "i32" },
  // cs_error_t corosync_cfg_trackstart(corosync_cfg_handle_t, uint8_t track_flags), since corosync 3.1.1
  corosync_cfg_trackstart: { parameters: ["u64", "u8"], result: "i32" },
  // cs_error_t corosync_cfg_try_shutdown(corosync_cfg_handle_t, corosync_cfg_shutdown_flags_t)
  corosync_cfg_try_shutdown: { parameters: ["u64", "u32"], result: "i32" },
  // cs_error_t corosync_cfg_replyto_shutdown(corosync_cfg_handle_t, corosync_cfg_shutdown_reply_flags_t)
  corosync_cfg_replyto_shutdown: { parameters: ["u64", "u32"], result: "i32" },
  // cs_error_t corosync_cfg_local_get(corosync_cfg_handle_t, unsigned int *local_nodeid)
  corosync_cfg_local_get: { parameters: ["u64", "buffer"], result: "i32" },
  // cs_error_t corosync_cfg_reload_config(corosync_cfg_handle_t)
  corosync_cfg_reload_config: { parameters: ["u64"], result: "i32" },
  // cs_error_t corosync_cfg_kill_node(corosync_cfg_handle_t, unsigned int nodeid, const char *reason)
  corosync_cfg_kill_node: { parameters: ["u64", "u32", "buffer"], result: "i32" },
});

const CALLS: ServiceCalls = {
  service: "corosync_cfg",
  fdGet: (handle, fd) => cfg.corosync_cfg_fd_get(handle, fd),
  dispatch: (handle, how) => cfg.corosync_cfg_dispatch(handle, how),
  finalize: (handle) => cfg.corosync_cfg_finalize(handle),
};

/** Called when corosync is to shut down, with a COROSYNC_CFG_SHUTDOWN_FLAG_… */
export type ShutdownHandler = (flags: number) => void;

const connections = new Map<bigint, ShutdownHandler>();

const callbacks = once(() => {
  const address = callbackAddress(
    // void (*)(corosync_cfg_handle_t, corosync_cfg_shutdown_flags_t)
    { parameters: ["u64", "u32"], result: "void" },
    (handle, flags) => connections.get(handle)?.(flags),
  );
  return new Uint8Array(new BigUint64Array([address]).buffer);
});

/** The memory that libqb shares with corosync for a connection to this service (lib/ringbuffer.c): a file's name, removed or not. */
const RING = /\/qb-[^/]+-cfg-(header|data)( \(deleted\))?$/;

/** Whether the library has rings mapped whose connection is closed. */
let leavesRings = false;

/** Gives those back, as soon as no connection is open that has rings of its own. */
function unmapLeftRings(): void {
  if (!leavesRings || connections.size > 0) return;
  leavesRings = false;
  try {
    for (const mapping of readMappings()) if (RING.test(mapping.path)) unmap(mapping);
  } catch (error) {
    // Without /proc they stay.
    if (!(error instanceof Errno)) throw error;
  }
}

/** A connection that hears of shutdowns. */
export class Cfg extends Connection {
  #hasReplied = false;

  /** Connects. `shutdown` is called only after trackStart(). Throws CorosyncError. */
  static connect(shutdown: ShutdownHandler): Cfg {
    const handle = openHandle(
      "corosync_cfg_initialize",
      (out) => cfg.corosync_cfg_initialize(out, callbacks()),
    );
    connections.set(handle, shutdown);
    return new Cfg(CALLS, handle);
  }

  /** From now on we are asked before corosync shuts down, and silence counts as a no. Throws CorosyncError (CS_ERR_TRY_AGAIN). */
  trackStart(): void {
    checkCorosync(cfg.corosync_cfg_trackstart(this.handle, 0), "corosync_cfg_trackstart");
  }

  /** Answers a shutdown that we were asked about: once, since each answer is counted. The library tells of no failure. */
  replyToShutdown(yes: boolean): void {
    const reply = yes ? COROSYNC_CFG_SHUTDOWN_FLAG_YES : COROSYNC_CFG_SHUTDOWN_FLAG_NO;
    this.#hasReplied = true;
    cfg.corosync_cfg_replyto_shutdown(this.handle, reply);
  }

  /** Asks for a shutdown and waits until all have voted; a CS_… code (CS_ERR_BUSY: somebody said no). */
  tryShutdown(flags: number): number {
    return cfg.corosync_cfg_try_shutdown(this.handle, flags);
  }

  /** The node id of this machine. Throws CorosyncError. */
  localNodeId(): number {
    const id = new Uint32Array(1);
    const code = cfg.corosync_cfg_local_get(this.handle, new Uint8Array(id.buffer));
    checkCorosync(code, "corosync_cfg_local_get");
    return id[0];
  }

  /** Has every node read its configuration anew. Throws CorosyncError. */
  reloadConfig(): void {
    checkCorosync(cfg.corosync_cfg_reload_config(this.handle), "corosync_cfg_reload_config");
  }

  /** Ends corosync on another node. Throws CorosyncError (CS_ERR_NOT_EXIST: no such member). */
  killNode(nodeId: number, reason: string): void {
    const code = cfg.corosync_cfg_kill_node(this.handle, nodeId, cString(reason));
    checkCorosync(code, "corosync_cfg_kill_node");
  }

  /**
   * replyto_shutdown keeps a reference to the connection for ever (lib/cfg.c has no hdb_handle_put on that path), so that finalize
   * then leaves the socket open, and 3 MiB of shared memory mapped. Closing the socket ourselves makes corosync let go of that memory, and
   * unmapping it makes us: a node whose corosync is often restarted would have none left in the end.
   */
  override close(): void {
    super.close();
    connections.delete(this.handle);
    if (this.#hasReplied) closeDescriptor(this.fd);
    leavesRings ||= this.#hasReplied;
    unmapLeftRings();
  }
}

/** Loads the library and makes the callbacks, while files can still be opened and code be made. Throws LibraryError. */
export function loadCfg(): void {
  void cfg.corosync_cfg_fd_get;
  callbacks();
}
