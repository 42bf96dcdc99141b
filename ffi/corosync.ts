/**
 * What the client libraries of corosync 3 have in common (corosync/corotypes.h): status codes, handles, dispatching, ring ids.
 *
 * - A handle's descriptor is readable while events are queued. dispatch() calls back for all of them and does not wait.
 * - Every dispatch function has a buffer of 1 MiB on its stack when it calls back, further down than V8 lets JavaScript run by
 *   default: the process aborts. `--v8-flags=--stack-size=4000` under the usual 8 MiB stack is the cure (tasks/flags.ts).
 * - Every other call is a request that waits, without limit, for corosync's answer.
 */
import { layout } from "../src/wire/layout.ts";
import { readBytes, readCString } from "./memory.ts";
import { openLibrary } from "./open.ts";

export const CS_OK = 1;
/** No corosync, or the connection is dead, for good. */
export const CS_ERR_LIBRARY = 2;
/** Corosync starts, or its ring is being formed. */
export const CS_ERR_TRY_AGAIN = 6;
export const CS_ERR_INVALID_PARAM = 7;
/** The handle was finalized. */
export const CS_ERR_BAD_HANDLE = 9;
export const CS_ERR_BUSY = 10;
/** Corosync takes root, and whom its uidgid configuration names. */
export const CS_ERR_ACCESS = 11;
export const CS_ERR_NOT_EXIST = 12;
export const CS_ERR_EXIST = 14;
/** The end of an iteration. */
export const CS_ERR_NO_SECTIONS = 27;
const CS_DISPATCH_ALL = 2;
/** Report now, then each change. */
export const CS_TRACK_CHANGES = 2;

/** One layout for struct cpg_ring_id, struct quorum_ring_id and votequorum_ring_id_t. */
const RING_ID_FIELDS = { nodeid: "u32", seq: "u64" } as const;

export const CONSTANTS = { CS_DISPATCH_ALL };

const common = openLibrary("libcorosync_common.so.4", {
  // const char *cs_strerror(cs_error_t err)
  cs_strerror: { parameters: ["i32"], result: "usize" },
});

/** A call that corosync or its library refused. The message reads `cmap_set: CS_ERR_ACCESS (11)`. */
export class CorosyncError extends Error {
  override name = "CorosyncError";
  /** `code`: CS_ERR_… */
  constructor(readonly code: number, readonly call: string) {
    super(`${call}: ${statusText(code)}`);
  }
}

/** A status as `CS_ERR_ACCESS (11)`. */
export function statusText(code: number): string {
  return `${readCString(common.cs_strerror(code))} (${code})`;
}

/** Throws CorosyncError for anything but CS_OK. */
export function checkCorosync(code: number, call: string): void {
  if (code !== CS_OK) throw new CorosyncError(code, call);
}

/** A ring is known by both: two halves of a partition can have the same sequence number. */
export interface RingId {
  readonly nodeId: number;
  readonly sequence: bigint;
}

/** Layout of a ring id under the name that one of the libraries has for it. */
export function ringIdLayout(cName: string): ReturnType<typeof layout<"nodeid" | "seq">> {
  return layout(cName, RING_ID_FIELDS);
}

const RING_ID = ringIdLayout("ring id");

/** A ring id that was passed by value. */
export function decodeRingId(bytes: Uint8Array<ArrayBuffer>): RingId {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return {
    nodeId: view.getUint32(RING_ID.at.nodeid, true),
    sequence: view.getBigUint64(RING_ID.at.seq, true),
  };
}

/** A copy of `count` 32-bit node ids at an address, which C reuses. */
export function readNodeIds(address: bigint, count: number): number[] {
  return [...new Uint32Array(readBytes(address, 4 * count).buffer)];
}

/** Callbacks are made once for each library and never closed: C may hold their addresses for as long as we live. */
const kept: unknown[] = [];

/** The address of a C function that calls `run`. What `run` throws comes out of the dispatch call, and the event is gone. */
export function callbackAddress<const D extends Deno.UnsafeCallbackDefinition>(
  definition: D,
  run: Deno.UnsafeCallbackFunction<D["parameters"], D["result"]>,
): bigint {
  const callback = new Deno.UnsafeCallback(definition, run);
  kept.push(callback);
  return Deno.UnsafePointer.value(callback.pointer);
}

/** Calls `make` the first time only. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** The four calls that each library has, under names of its own. */
export interface ServiceCalls {
  /** Such as `quorum`, for messages. */
  readonly service: string;
  fdGet(handle: bigint, fd: Uint8Array<ArrayBuffer>): number;
  dispatch(handle: bigint, how: number): number;
  finalize(handle: bigint): number;
}

/** A connection to one of corosync's services. */
export abstract class Connection {
  /** The library's own: watch it, but never read or close it. */
  readonly fd: number;

  /** Throws CorosyncError, and leaves nothing open then. */
  protected constructor(private readonly calls: ServiceCalls, protected readonly handle: bigint) {
    const fd = new Int32Array(1);
    const code = calls.fdGet(handle, new Uint8Array(fd.buffer));
    if (code !== CS_OK) calls.finalize(handle);
    checkCorosync(code, `${calls.service}_fd_get`);
    this.fd = fd[0];
  }

  /** Delivers all queued events; CS_OK, or why not: CS_ERR_LIBRARY is the end of the connection. Never waits. */
  dispatch(): number {
    return this.calls.dispatch(this.handle, CS_DISPATCH_ALL);
  }

  /** Stop watching `fd` first. */
  close(): void {
    this.calls.finalize(this.handle);
  }
}

/** The handle that an initialize call fills in. Throws CorosyncError. */
export function openHandle(
  call: string,
  initialize: (handle: Uint8Array<ArrayBuffer>) => number,
): bigint {
  const handle = new BigUint64Array(1);
  checkCorosync(initialize(new Uint8Array(handle.buffer)), call);
  return handle[0];
}

/** Loads what messages are made with, while files can still be opened. Throws LibraryError. */
export function loadCommon(): void {
  void common.cs_strerror;
}
