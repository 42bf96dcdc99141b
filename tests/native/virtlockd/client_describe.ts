/**
 * Replies as text that loses nothing: a reply is described in words only if encoding those words
 * again gives the same bytes, and otherwise in hexadecimal.
 */
import * as frames from "./client_frames.ts";

/** virErrorNumber and virErrorDomain as far as the lock program uses them. */
export interface RpcError {
  readonly code: number;
  readonly domain: number;
  /** What the message says after the standing words of its code. */
  readonly detail: frames.Text;
  /** int1 of the error object; -1 but for code 38 (errno) and code 8 (0). */
  readonly errno?: number;
}

/** The standing words before the detail, by code (libvirt src/util/virerror.c). */
const prefixes: Readonly<Record<number, string>> = {
  1: "internal error: ",
  29: "operation forbidden: ",
  38: "",
  39: "",
  55: "Requested operation is not valid: ",
  87: "resource busy: ",
};

const UNSUPPORTED_FLAGS = 8;
const LEVEL_ERROR = 2;
const ABSENT = 0;
const NO_NUMBER = 0xffffffff;

/** The error object (virNetMessageError) libvirt 9.0 sends for an error. */
export function errorObject(error: RpcError): Uint8Array {
  return error.code === UNSUPPORTED_FLAGS ? flagsObject(error) : plainObject(error);
}

function plainObject({ code, domain, detail, errno }: RpcError): Uint8Array {
  const prefix = prefixes[code] ?? "";
  const bytes = frames.bytesOf(detail);
  return frames.concat(
    frames.u32(code, domain),
    frames.xdrOptionalString(frames.concat(frames.bytesOf(prefix), bytes)),
    frames.u32(LEVEL_ERROR, ABSENT),
    frames.xdrOptionalString(`${prefix}%s`),
    frames.xdrOptionalString(bytes),
    frames.u32(ABSENT, errno ?? NO_NUMBER, NO_NUMBER, ABSENT),
  );
}

/** `detail` is `(0xBITS) in function NAME`; str1 is NAME, str2 the word "flags". */
function flagsObject({ code, domain, detail }: RpcError): Uint8Array {
  const text = new TextDecoder().decode(frames.bytesOf(detail));
  return frames.concat(
    frames.u32(code, domain),
    frames.xdrOptionalString(`unsupported flags ${text}`),
    frames.u32(LEVEL_ERROR, ABSENT),
    frames.xdrOptionalString(text.replace(/^.* /, "")),
    frames.xdrOptionalString("flags"),
    frames.u32(ABSENT, 0, 0, ABSENT),
  );
}

/** Reads code, domain, message and int1 of an error object; undefined if it is too short. */
export function decodeError(payload: Uint8Array): RpcError | undefined {
  try {
    return readError(payload);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function readError(payload: Uint8Array): RpcError {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const code = view.getUint32(0);
  const length = view.getUint32(12);
  const message = payload.subarray(16, 16 + length);
  const int1 = view.getUint32(payload.length - 12);
  const skipped = code === UNSUPPORTED_FLAGS ? "unsupported flags " : prefixes[code] ?? "";
  const detail = message.slice(skipped.length);
  return { code, domain: view.getUint32(4), detail, ...(code === 38 ? { errno: int1 } : {}) };
}

/** One line for one received frame. */
export function describe(bytes: Uint8Array): string {
  if (frames.sameBytes(bytes, frames.pong)) return "PONG";
  const words = inWords(bytes);
  return words ?? `bytes ${shorten(frames.toHex(bytes))}`;
}

/** `REGISTER #3 ok` or `REGISTER #3 error 55/7 "lock owner ..."`; undefined if words lose bytes. */
function inWords(bytes: Uint8Array): string | undefined {
  if (bytes.length < frames.LENGTH_BYTES + frames.HEADER_BYTES) return undefined;
  const header = frames.decodeHeader(bytes);
  if (header.type !== frames.MessageType.reply) return undefined;
  const to = `${procedureName(header)} #${header.serial}`;
  if (header.status === 0 && bytes.length === 28) return `${to} ok`;
  const error = decodeError(bytes.subarray(28));
  if (header.status !== 1 || error === undefined) return undefined;
  if (!frames.sameBytes(frames.frame(header, errorObject(error)), bytes)) return undefined;
  return `${to} ${describeError(error)}`;
}

/** The words of an error as they stand in a trace; also used to write down what is expected. */
export function describeError({ code, domain, detail, errno }: RpcError): string {
  const number = errno === undefined ? "" : ` errno ${errno}`;
  return `error ${code}/${domain}${number} "${readable(frames.bytesOf(detail))}"`;
}

function procedureName({ program, version, procedure }: frames.Header): string {
  const name = frames.lockProcedures[procedure - 1];
  if (program === frames.Program.lock && version === 1 && name) return name;
  return `program ${program} version ${version} procedure ${procedure | 0}`;
}

/** Printable ASCII as it stands, all other bytes and the backslash as \xNN. */
export function readable(bytes: Uint8Array): string {
  const text = Array.from(
    bytes,
    (byte) =>
      byte >= 0x20 && byte < 0x7f && byte !== 0x5c
        ? String.fromCharCode(byte)
        : `\\x${byte.toString(16).padStart(2, "0")}`,
  ).join("");
  return shorten(text);
}

const LONGEST_TEXT = 600;

/** Long texts keep their ends, their length and a hash of the whole. */
function shorten(text: string): string {
  if (text.length <= LONGEST_TEXT) return text;
  const ends = `${text.slice(0, 60)}…${text.slice(-60)}`;
  return `${ends} [${text.length} characters, hash ${fnv1a(text)}]`;
}

/** FNV-1a, 32 bit: enough to tell two texts apart in a comparison. */
function fnv1a(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  }
  return hash.toString(16).padStart(8, "0");
}
