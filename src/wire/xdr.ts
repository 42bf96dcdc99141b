/**
 * XDR (RFC 4506) as rpcgen programs use it: big-endian, everything padded to four bytes.
 *
 * Written by hand, over one reused DataView, for two reasons that a library cannot meet: what C peers send is to be read as
 * C reads it (padding is not looked at, a string ends at its first NUL), and nothing may be allocated per message.
 */
import { type ByteString, decodeBytes, encodeBytes } from "./bytes.ts";

/** Thrown by XdrReader for data that ends early or breaks a limit. One object: it carries no stack worth its cost. */
export class XdrError extends Error {
  override name = "XdrError";
}

const malformed = new XdrError("malformed XDR data");

/** In doubles, not in 32-bit integers: a length is an u32, and one near 2^32 must not wrap. */
function padded(length: number): number {
  return length + (-length & 3);
}

/** Reads one message after another from views that the caller sets. */
export class XdrReader {
  #bytes: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #end = 0;

  /** Points the reader at [start, end) of a buffer and its view. */
  reset(bytes: Uint8Array, view: DataView, start: number, end: number): void {
    this.#bytes = bytes;
    this.#view = view;
    this.#at = start;
    this.#end = end;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) throw malformed;
    this.#at = at + length;
    return at;
  }

  uint(): number {
    return this.#view.getUint32(this.#take(4));
  }

  int(): number {
    return this.#view.getInt32(this.#take(4));
  }

  uhyper(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  hyper(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  double(): number {
    return this.#view.getFloat64(this.#take(8));
  }

  /** A fixed opaque, copied. */
  opaque(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#take(padded(length));
    return this.#bytes.slice(at, at + length) as Uint8Array<ArrayBuffer>;
  }

  /** A string of at most `limit` bytes, cut at its first NUL as a C program would see it. */
  string(limit: number): ByteString {
    const length = this.uint();
    if (length > limit) throw malformed;
    const at = this.#take(padded(length));
    let end = at;
    while (end < at + length && this.#bytes[end] !== 0) end++;
    return decodeBytes(this.#bytes, at, end);
  }

  /** An optional string (`remote_string *`): undefined when absent. As in C, any other number than 0 is true. */
  optionalString(limit: number): ByteString | undefined {
    return this.uint() === 0 ? undefined : this.string(limit);
  }

  /** The count of a variable array of at most `limit` items. */
  count(limit: number): number {
    const count = this.uint();
    if (count > limit) throw malformed;
    return count;
  }
}

/** Writes into one buffer that grows as needed and is reused for every message. */
export class XdrWriter {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView;
  /** Length of what was written so far, in bytes. */
  length = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  reset(): void {
    this.length = 0;
  }

  #reserve(length: number): number {
    const at = this.length;
    this.length = at + length;
    if (this.length > this.bytes.length) this.#grow();
    return at;
  }

  #grow(): void {
    const larger = new Uint8Array(Math.max(this.length, this.bytes.length * 2));
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }

  uint(value: number): void {
    const at = this.#reserve(4);
    this.view.setUint32(at, value);
  }

  int(value: number): void {
    const at = this.#reserve(4);
    this.view.setInt32(at, value);
  }

  uhyper(value: bigint): void {
    const at = this.#reserve(8);
    this.view.setBigUint64(at, value);
  }

  hyper(value: bigint): void {
    const at = this.#reserve(8);
    this.view.setBigInt64(at, value);
  }

  double(value: number): void {
    const at = this.#reserve(8);
    this.view.setFloat64(at, value);
  }

  string(text: ByteString): void {
    this.uint(text.length);
    const at = this.#reserve(padded(text.length));
    const end = encodeBytes(text, this.bytes, at);
    this.bytes.fill(0, end, this.length);
  }

  optionalString(text: ByteString | undefined): void {
    this.uint(text === undefined ? 0 : 1);
    if (text !== undefined) this.string(text);
  }

  opaque(bytes: Uint8Array): void {
    const at = this.#reserve(padded(bytes.length));
    this.bytes.set(bytes, at);
    this.bytes.fill(0, at + bytes.length, this.length);
  }

  /** A copy of what was written. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.length);
  }
}
