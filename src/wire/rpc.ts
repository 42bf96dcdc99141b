/**
 * libvirt's RPC frame (src/rpc/virnetprotocol.x of libvirt 9.0.0):
 *
 *     u32 length | u32 program | u32 version | i32 procedure | i32 type | u32 serial | i32 status | payload
 *
 * all big-endian; `length` counts the whole frame, itself included.
 */
import type { ByteString } from "./bytes.ts";
import type { XdrWriter } from "./xdr.ts";

export const LENGTH_BYTES = 4;
/** The length word and the six header words: the smallest frame. */
export const FRAME_MIN_BYTES = 28;
/** VIR_NET_MESSAGE_MAX does not count the length word itself. */
export const FRAME_MAX_BYTES = 33_554_432 + LENGTH_BYTES;
/** VIR_NET_MESSAGE_NUM_FDS_MAX */
export const MAX_MESSAGE_DESCRIPTORS = 32;
/** VIR_NET_MESSAGE_STRING_MAX, the limit of strings in error objects and in the admin program. */
export const STRING_MAX_BYTES = 4_194_304;

// virNetMessageType
export const CALL = 0;
export const REPLY = 1;
export const MESSAGE = 2;
export const STREAM = 3;
export const CALL_WITH_FDS = 4;

// virNetMessageStatus
export const OK = 0;
export const ERROR = 1;

/** The keepalive program (src/rpc/virkeepaliveprotocol.x). */
export const KEEPALIVE_PROGRAM = 0x6b656570;
export const KEEPALIVE_VERSION = 1;
export const KEEPALIVE_PING = 1;
export const KEEPALIVE_PONG = 2;

/** A decoded frame header. Reused: one per connection handler, overwritten by each frame. */
export interface Header {
  program: number;
  version: number;
  procedure: number;
  type: number;
  serial: number;
  status: number;
}

/** All zero, to be decoded into. */
export function emptyHeader(): Header {
  return { program: 0, version: 0, procedure: 0, type: 0, serial: 0, status: 0 };
}

/** Reads the six words that follow the length word of the frame at `offset`. */
export function decodeHeader(view: DataView, offset: number, header: Header): void {
  header.program = view.getUint32(offset + 4);
  header.version = view.getUint32(offset + 8);
  header.procedure = view.getInt32(offset + 12);
  header.type = view.getInt32(offset + 16);
  header.serial = view.getUint32(offset + 20);
  header.status = view.getInt32(offset + 24);
}

/** Starts a frame in an empty writer; endFrame() fills in the length. */
export function beginFrame(writer: XdrWriter, header: Header, type: number, status: number): void {
  writer.reset();
  writer.uint(0);
  writer.uint(header.program);
  writer.uint(header.version);
  writer.int(header.procedure);
  writer.int(type);
  writer.uint(header.serial);
  writer.int(status);
}

/** Fills in the length of the frame, itself included, in bytes. */
export function endFrame(writer: XdrWriter): void {
  writer.view.setUint32(0, writer.length);
}

/** An error as libvirt's clients know it (remote_error of virnetprotocol.x): codes of virerror.h, level ERROR. */
export interface RpcError {
  readonly code: number;
  readonly domain: number;
  readonly message: ByteString;
  readonly str1: ByteString;
  readonly str2?: ByteString;
  readonly int1: number;
  readonly int2: number;
}

const LEVEL_ERROR = 2;

/** The payload of an error reply. Absent, always: domain object, str3, network object. */
export function encodeError(writer: XdrWriter, error: RpcError): void {
  writer.int(error.code);
  writer.int(error.domain);
  writer.optionalString(error.message);
  writer.int(LEVEL_ERROR);
  writer.uint(0);
  writer.optionalString(error.str1);
  writer.optionalString(error.str2);
  writer.uint(0);
  writer.int(error.int1);
  writer.int(error.int2);
  writer.uint(0);
}
