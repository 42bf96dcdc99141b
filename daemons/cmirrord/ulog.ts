/**
 * `struct dm_ulog_request` of linux/dm-log-userspace.h: what the kernel asks and what it is answered. The same 160 bytes stand
 * in a connector frame and in a message of the group, so that they are copied, never taken apart and put together again.
 *
 *     u64 luid | char uuid[129] | char padding[3] | u32 version | s32 error | u32 seq | u32 request_type | u32 data_size | data
 */
import { layout } from "../../src/wire/layout.ts";
import type { ConnectorId } from "../../src/wire/netlink.ts";
import { MAX_REQUEST_DATA_BYTES } from "./limits.ts";

/** CN_IDX_DM and CN_VAL_DM_USERSPACE_LOG of linux/connector.h. */
export const DM_CONNECTOR: ConnectorId = { idx: 7, val: 1 };

/** DM_UUID_LEN */
export const UUID_BYTES = 129;

export const DM_ULOG_REQUEST = layout("struct dm_ulog_request", {
  luid: "u64",
  uuid: ["bytes", UUID_BYTES],
  padding: ["bytes", 3],
  version: "u32",
  error: "i32",
  seq: "u32",
  request_type: "u32",
  data_size: "u32",
});

export const ULOG_BYTES = DM_ULOG_REQUEST.size;
const at = DM_ULOG_REQUEST.at;

// DM_ULOG_* request types
export const CTR = 1;
export const DTR = 2;
export const PRESUSPEND = 3;
export const POSTSUSPEND = 4;
export const RESUME = 5;
export const GET_REGION_SIZE = 6;
export const IS_CLEAN = 7;
export const IN_SYNC = 8;
export const FLUSH = 9;
export const MARK_REGION = 10;
export const CLEAR_REGION = 11;
export const GET_RESYNC_WORK = 12;
export const SET_REGION_SYNC = 13;
export const GET_SYNC_COUNT = 14;
export const STATUS_INFO = 15;
export const STATUS_TABLE = 16;
export const IS_REMOTE_RECOVERING = 17;
/** What a member sends to a joiner: a checkpoint. Known to daemons only. */
export const CHECKPOINT_READY = 21;
/** The kernel keeps the type in the low 8 bits (DM_ULOG_REQUEST_MASK). */
export const TYPE_MASK = 0xff;

/** What is known of a type of request. */
export interface RequestKind {
  readonly name: string;
  /** Bounds of its data, in bytes. */
  readonly least: number;
  readonly most: number;
  /** Whether the data are u64 words. */
  readonly words: boolean;
  /** Room of the kernel's caller for the answer, in bytes (dm-log-userspace-base.c). */
  readonly capacity: number;
  /** Whether the kernel asks anew, after CTR and RESUME, when it is answered -ESRCH (userspace_do_request). */
  readonly reconnects: boolean;
}

const text = MAX_REQUEST_DATA_BYTES;

function kind(
  name: string,
  least: number,
  most: number,
  capacity = 0,
  reconnects = false,
): RequestKind {
  const words = name !== "CTR" && most > 0;
  return { name, least, most, words, capacity, reconnects };
}

/** The status buffer's size is the kernel's; this much is taken for an answer that nobody reads. */
const STATUS_CAPACITY = 64;
const regions = MAX_REQUEST_DATA_BYTES & ~7;

/** By type number. */
export const REQUESTS: readonly (RequestKind | undefined)[] = [
  undefined,
  kind("CTR", 1, text, 128),
  kind("DTR", 0, 0),
  kind("PRESUSPEND", 0, 0),
  kind("POSTSUSPEND", 0, 0),
  kind("RESUME", 0, 0),
  kind("GET_REGION_SIZE", 0, 0, 8),
  kind("IS_CLEAN", 8, 8, 8, true),
  kind("IN_SYNC", 8, 8, 8, true),
  kind("FLUSH", 0, regions, 0, true),
  kind("MARK_REGION", 8, regions, 0, true),
  kind("CLEAR_REGION", 8, regions, 0, true),
  kind("GET_RESYNC_WORK", 0, 0, 16, true),
  kind("SET_REGION_SYNC", 16, 16, 0, true),
  kind("GET_SYNC_COUNT", 0, 0, 8, true),
  kind("STATUS_INFO", 0, 0, STATUS_CAPACITY, true),
  kind("STATUS_TABLE", 0, 0, STATUS_CAPACITY),
  kind("IS_REMOTE_RECOVERING", 8, 8, 16, true),
];

/** A request where it lies in a buffer. Reused: overwritten by each decodeRequest(). */
export interface Request {
  bytes: Uint8Array;
  view: DataView;
  /** Offset of the 160 bytes, and of what follows them. */
  base: number;
  data: number;
  type: number;
  seq: number;
  version: number;
  error: number;
  dataBytes: number;
}

export function emptyRequest(): Request {
  const bytes = new Uint8Array(0);
  const view = new DataView(bytes.buffer);
  return { bytes, view, base: 0, data: 0, type: 0, seq: 0, version: 0, error: 0, dataBytes: 0 };
}

/** What is wrong with a request. */
export type RequestVerdict = "ok" | "short" | "uuid" | "type" | "data";

/** Reads the fields of the request at `base`; the type as it stands. What follows the 160 bytes is not looked at. */
export function readRequest(
  bytes: Uint8Array,
  view: DataView,
  base: number,
  request: Request,
): void {
  request.bytes = bytes;
  request.view = view;
  request.base = base;
  request.data = base + ULOG_BYTES;
  request.version = view.getUint32(base + at.version, true);
  request.error = view.getInt32(base + at.error, true);
  request.seq = view.getUint32(base + at.seq, true);
  request.type = view.getUint32(base + at.request_type, true);
  request.dataBytes = view.getUint32(base + at.data_size, true);
}

/** Reads and checks a request that ends at `end`. */
export function decodeRequest(
  bytes: Uint8Array,
  view: DataView,
  base: number,
  end: number,
  request: Request,
): RequestVerdict {
  if (end - base < ULOG_BYTES) return "short";
  readRequest(bytes, view, base, request);
  request.type &= TYPE_MASK;
  if (request.dataBytes > end - request.data) return "short";
  if (!hasUuid(bytes, base)) return "uuid";
  return checkKind(request);
}

/** Whether the uuid ends within its field, and is not empty. */
export function hasUuid(bytes: Uint8Array, base: number): boolean {
  const start = base + at.uuid;
  const end = bytes.indexOf(0, start);
  return end > start && end < start + UUID_BYTES;
}

/** Whether the type is known and its data have the size of that type. */
export function checkKind(request: Request): RequestVerdict {
  const known = REQUESTS[request.type & TYPE_MASK];
  if (known === undefined) return "type";
  const { dataBytes } = request;
  const fits = dataBytes >= known.least && dataBytes <= known.most;
  return fits && (!known.words || dataBytes % 8 === 0) ? "ok" : "data";
}

/** The length of the uuid, without its NUL. */
export function uuidLength(bytes: Uint8Array, base: number): number {
  return bytes.indexOf(0, base + at.uuid) - base - at.uuid;
}

export const UUID_AT = at.uuid;

/** A u64 of the data: a region number. Inexact above 2^53, where no region is: MAX_REGIONS is 2^28. */
export function word(request: Request, index: number): number {
  const offset = request.data + 8 * index;
  return request.view.getUint32(offset, true) +
    request.view.getUint32(offset + 4, true) * 0x1_0000_0000;
}

/** Writes what an answer or a message changes in the 160 bytes at `base`. */
export function writeOutcome(
  view: DataView,
  base: number,
  error: number,
  type: number,
  dataBytes: number,
): void {
  view.setInt32(base + at.error, error, true);
  view.setUint32(base + at.request_type, type, true);
  view.setUint32(base + at.data_size, dataBytes, true);
}

/** On the wire between daemons the luid, a kernel's pointer, is 0. */
export function clearLuid(view: DataView, base: number): void {
  view.setUint32(base + at.luid, 0, true);
  view.setUint32(base + at.luid + 4, 0, true);
}

export function writeIdentity(view: DataView, base: number, version: number, seq: number): void {
  view.setUint32(base + at.version, version, true);
  view.setUint32(base + at.seq, seq, true);
}
