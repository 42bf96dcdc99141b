/**
 * A message of the group, version 5: 24 bytes, then a `struct dm_ulog_request` with its data. Ours are little-endian; those of
 * big-endian daemons are turned when they arrive.
 *
 *     u64 version, always little-endian | u64 version, the sender's order | u32 originator | u32 pit_server | request | trailer
 *
 * Daemons of lvm2 do not look at what follows the data: see trailer.ts.
 */
import {
  checkKind,
  CHECKPOINT_READY,
  DM_ULOG_REQUEST,
  hasUuid,
  readRequest,
  type Request,
  REQUESTS,
  type RequestVerdict,
  TYPE_MASK,
  ULOG_BYTES,
} from "./ulog.ts";

export const MESSAGE_VERSION = 5;
/** Where the request begins, and its data. */
export const REQUEST_AT = 24;
export const MESSAGE_HEADER_BYTES = REQUEST_AT + ULOG_BYTES;
/** Set in the type of a response. */
export const RESPONSE = 0x1000;

const VERSION_LITTLE_AT = 0;
const VERSION_NATIVE_AT = 8;
const ORIGINATOR_AT = 16;
const PIT_SERVER_AT = 20;

/** Data of a response: two words, or a status line. */
const RESPONSE_DATA_BYTES = 256;

/** A decoded message. Reused: overwritten by each decodeMessage(). */
export interface Message extends Request {
  originator: number;
  pitServer: number;
  /** The request's type without RESPONSE. */
  isResponse: boolean;
  /** Where the trailer begins, and the end of the message. */
  trailer: number;
  end: number;
}

/** Why a message is dropped. `old`: of a version before 5, whose header is longer. */
export type MessageVerdict = RequestVerdict | "old" | "version";

/**
 * Reads and checks the message in the first `length` bytes; a big-endian one is turned in place. Nothing but types that are
 * sent between daemons is taken (the original answers others, or ends itself).
 */
export function decodeMessage(
  bytes: Uint8Array,
  view: DataView,
  length: number,
  message: Message,
): MessageVerdict {
  if (length < MESSAGE_HEADER_BYTES) return "short";
  const version = checkVersion(view);
  if (version !== "ok") return version;
  const turned = view.getUint32(VERSION_NATIVE_AT, true) !== MESSAGE_VERSION;
  if (turned) turnHeader(view);
  readRequest(bytes, view, REQUEST_AT, message);
  if (message.dataBytes > length - MESSAGE_HEADER_BYTES) return "short";
  if (!hasUuid(bytes, REQUEST_AT)) return "uuid";
  message.originator = view.getUint32(ORIGINATOR_AT, true);
  message.pitServer = view.getUint32(PIT_SERVER_AT, true);
  message.isResponse = (message.type & RESPONSE) !== 0;
  message.trailer = message.data + message.dataBytes;
  message.end = length;
  const verdict = checkType(message);
  if (verdict === "ok" && turned && hasWords(message)) turnWords(message);
  return verdict;
}

function checkVersion(view: DataView): "ok" | "old" | "version" {
  const version = view.getUint32(VERSION_LITTLE_AT, true);
  const high = view.getUint32(VERSION_LITTLE_AT + 4, true);
  if (high !== 0) return "version";
  if (version >= 2 && version < MESSAGE_VERSION) return "old";
  if (version !== MESSAGE_VERSION) return "version";
  const low = view.getUint32(VERSION_NATIVE_AT, true) === MESSAGE_VERSION &&
    view.getUint32(VERSION_NATIVE_AT + 4, true) === 0;
  const turned = view.getUint32(VERSION_NATIVE_AT, false) === 0 &&
    view.getUint32(VERSION_NATIVE_AT + 4, false) === MESSAGE_VERSION;
  return low || turned ? "ok" : "version";
}

/** Types that the kernel's requests have in the group. */
const ROUTED: ReadonlySet<number> = new Set([4, 5, 7, 9, 10, 11, 12, 13, 15, 17]);

function checkType(message: Message): RequestVerdict {
  const type = message.type & ~RESPONSE;
  message.type = type;
  if (type === CHECKPOINT_READY) return message.isResponse ? "type" : "ok";
  if (type > TYPE_MASK || !ROUTED.has(type)) return "type";
  if (message.isResponse) return message.dataBytes <= RESPONSE_DATA_BYTES ? "ok" : "data";
  return checkKind(message);
}

/** Whether the data are 64-bit words: in requests by their kind; in responses all but status lines are. */
function hasWords({ type, isResponse }: Message): boolean {
  if (isResponse) return type !== 15;
  return REQUESTS[type]?.words === true;
}

function turn32(view: DataView, offset: number): void {
  view.setUint32(offset, view.getUint32(offset, false), true);
}

/** What the original's big-endian sender turns; luid, pit_server and the ulog version stay as they are. */
function turnHeader(view: DataView): void {
  const { error, seq, request_type, data_size } = DM_ULOG_REQUEST.at;
  turn32(view, ORIGINATOR_AT);
  for (const field of [error, seq, request_type, data_size]) turn32(view, REQUEST_AT + field);
  view.setUint32(VERSION_NATIVE_AT, MESSAGE_VERSION, true);
  view.setUint32(VERSION_NATIVE_AT + 4, 0, true);
}

function turnWords({ view, data, dataBytes }: Message): void {
  for (let at = data; at + 8 <= data + dataBytes; at += 8) {
    const high = view.getUint32(at, false);
    view.setUint32(at, view.getUint32(at + 4, false), true);
    view.setUint32(at + 4, high, true);
  }
}

/** Writes the 24 bytes before a request. */
export function writeHead(view: DataView, originator: number, pitServer: number): void {
  view.setUint32(VERSION_LITTLE_AT, MESSAGE_VERSION, true);
  view.setUint32(VERSION_LITTLE_AT + 4, 0, true);
  view.setUint32(VERSION_NATIVE_AT, MESSAGE_VERSION, true);
  view.setUint32(VERSION_NATIVE_AT + 4, 0, true);
  view.setUint32(ORIGINATOR_AT, originator, true);
  view.setUint32(PIT_SERVER_AT, pitServer, true);
}
