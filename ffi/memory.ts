/** Memory across the border: addresses of our buffers, C strings in both directions. */
import { fromReversibleText, toBytes } from "../src/wire/bytes.ts";
import { libc } from "./libc.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The address of a buffer's first byte. The caller keeps the buffer referenced for as long as C may use it. */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  // memcpy returns its first argument; no byte is copied.
  return libc.memcpy(buffer, 0n, 0n);
}

/**
 * A NUL-terminated copy of a string, in UTF-8; bytes that are not, in text that holds them reversibly (src/wire/bytes.ts), are given
 * back as they were. Throws TypeError on an embedded NUL, which C would cut at.
 */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  if (text.includes("\0")) throw new TypeError(`"${text}" holds a NUL`);
  if (!text.isWellFormed()) return toBytes(fromReversibleText(text + "\0"));
  return encoder.encode(text + "\0");
}

/** The string at an address that C gave us, "" for NULL. */
export function readCString(address: bigint): string {
  if (address === 0n) return "";
  return decoder.decode(readBytes(address, Number(libc.strlen(address))));
}

/** A copy of `length` bytes at an address that C gave us. */
export function readBytes(address: bigint, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  if (length > 0) libc.memcpy(bytes, address, BigInt(length));
  return bytes;
}

/** A `char *const[]` with its strings, kept together so that neither is collected while C reads them. */
export interface StringVector {
  readonly pointers: Uint8Array<ArrayBuffer>;
  readonly strings: readonly Uint8Array<ArrayBuffer>[];
}

/** Builds the NULL-terminated vector that execve and posix_spawn take. */
export function stringVector(texts: readonly string[]): StringVector {
  const strings = texts.map(cString);
  const pointers = new BigUint64Array(texts.length + 1);
  strings.forEach((string, i) => pointers[i] = addressOf(string));
  return { pointers: new Uint8Array(pointers.buffer), strings };
}
