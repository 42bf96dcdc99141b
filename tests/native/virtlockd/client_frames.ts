/**
 * Frames of virtlockd's lock and keepalive programs, written down a second time on purpose: the
 * tests must not share a mistake with the code they test. Facts: libvirt src/rpc/virnetprotocol.x,
 * src/locking/lock_protocol.x, RFC 4506 (XDR). All integers are big-endian.
 */

export const Program = { lock: 0x0ea7beef, admin: 0x06900690, keepalive: 0x6b656570 } as const;
export const MessageType = {
  call: 0,
  reply: 1,
  message: 2,
  stream: 3,
  callWithFds: 4,
  replyWithFds: 5,
  hole: 6,
} as const;
export const Status = { ok: 0, error: 1, continue: 2 } as const;
export const AcquireFlag = { shared: 1, autocreate: 2 } as const;

export const lockProcedures = [
  "REGISTER",
  "RESTRICT",
  "NEW",
  "CREATE_RESOURCE",
  "DELETE_RESOURCE",
  "ACQUIRE_RESOURCE",
  "RELEASE_RESOURCE",
  "CREATE_LOCKSPACE",
] as const;
export type LockProcedure = typeof lockProcedures[number];

/** The RPC header without its length word; six 32-bit words. */
export interface Header {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

export const LENGTH_BYTES = 4;
export const HEADER_BYTES = 24;
/** VIR_NET_MESSAGE_MAX (32 MiB) does not count the length word. */
export const LARGEST_FRAME_BYTES = 33554432 + LENGTH_BYTES;
/** VIR_LOCK_SPACE_PROTOCOL_STRING_MAX */
export const LONGEST_STRING_BYTES = 65536;

const utf8 = new TextEncoder();

/** Text as UTF-8, a byte array as it stands: names on the wire need not be UTF-8. */
export type Text = string | Uint8Array;

export function bytesOf(text: Text): Uint8Array {
  return typeof text === "string" ? utf8.encode(text) : text;
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

export function u32(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint32(index * 4, value));
  return bytes;
}

export function hyper(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, value);
  return bytes;
}

/** XDR string: length, bytes, padding to four (zero unless a test wants otherwise). */
export function xdrString(text: Text, padding = 0): Uint8Array {
  const bytes = bytesOf(text);
  const pad = new Uint8Array((4 - bytes.length % 4) % 4).fill(padding);
  return concat(u32(bytes.length), bytes, pad);
}

export function xdrOptionalString(text: Text | undefined): Uint8Array {
  return text === undefined ? u32(0) : concat(u32(1), xdrString(text));
}

/** A frame with a true length word. */
export function frame(header: Header, ...payload: readonly Uint8Array[]): Uint8Array {
  const body = concat(...payload);
  return concat(u32(LENGTH_BYTES + HEADER_BYTES + body.length), headerBytes(header), body);
}

export function headerBytes(h: Header): Uint8Array {
  return u32(h.program, h.version, h.procedure, h.type, h.serial, h.status);
}

export function decodeHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [program, version, procedure, type, serial, status] = [4, 8, 12, 16, 20, 24]
    .map((offset) => view.getUint32(offset));
  return { program, version, procedure, type, serial, status };
}

export function procedureNumber(procedure: LockProcedure): number {
  return lockProcedures.indexOf(procedure) + 1;
}

/** The header of a lock call; `changes` replaces single words of it. */
export function callHeader(
  procedure: LockProcedure | number,
  serial: number,
  changes: Partial<Header> = {},
): Header {
  const number = typeof procedure === "number" ? procedure : procedureNumber(procedure);
  return {
    program: Program.lock,
    version: 1,
    procedure: number,
    type: 0,
    serial,
    status: 0,
    ...changes,
  };
}

export interface Owner {
  readonly uuid: Uint8Array;
  readonly name: Text;
  readonly id: number;
  readonly pid: number;
}

export const someUuid = Uint8Array.from({ length: 16 }, (_, index) => index);

export function registerArguments(owner: Owner, flags = 0): Uint8Array {
  return concat(owner.uuid, xdrString(owner.name), u32(owner.id, owner.pid, flags));
}

/** The arguments of NEW; CREATE_LOCKSPACE has no flags. */
export function pathArguments(path: Text, flags?: number): Uint8Array {
  return concat(xdrString(path), flags === undefined ? u32() : u32(flags));
}

/** The arguments of CREATE_, DELETE_, ACQUIRE_ and RELEASE_RESOURCE. */
export function resourceArguments(path: Text, name: Text, flags = 0): Uint8Array {
  return concat(xdrString(path), xdrString(name), u32(flags));
}

export function keepalive(procedure: number, changes: Partial<Header> = {}): Uint8Array {
  return frame(callHeader(procedure, 0, { program: Program.keepalive, type: 2, ...changes }));
}

export const ping = keepalive(1);
export const pong = keepalive(2);

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
