/**
 * The lock program (src/locking/lock_protocol.x of libvirt 9.0.0): what a client can ask of virtlockd-sock.
 *
 *     1 REGISTER         opaque uuid[16], string name, u32 id, u32 pid, u32 flags
 *     2 RESTRICT         u32 flags
 *     3 NEW              string path, u32 flags
 *     4 CREATE_RESOURCE  string path, string name, u32 flags
 *     5 DELETE_RESOURCE  string path, string name, u32 flags
 *     6 ACQUIRE_RESOURCE string path, string name, u32 flags (1 shared, 2 autocreate)
 *     7 RELEASE_RESOURCE string path, string name, u32 flags
 *     8 CREATE_LOCKSPACE string path
 *
 * A success has no payload. Bytes behind the arguments are ignored.
 */
import type { ByteString } from "../../src/wire/bytes.ts";
import { XdrError, type XdrReader, type XdrWriter } from "../../src/wire/xdr.ts";

export const LOCK_PROGRAM = 0x0ea7beef;
export const LOCK_VERSION = 1;

export const REGISTER = 1;
export const RESTRICT = 2;
export const NEW = 3;
export const CREATE_RESOURCE = 4;
export const DELETE_RESOURCE = 5;
export const ACQUIRE_RESOURCE = 6;
export const RELEASE_RESOURCE = 7;
export const CREATE_LOCKSPACE = 8;

/** ACQUIRE_RESOURCE: others may hold the lock, too, if they ask for it in the same way. */
export const SHARED = 1;
/** ACQUIRE_RESOURCE: make the file if need be, and remove it at the last release. */
export const AUTOCREATE = 2;

/** VIR_LOCK_SPACE_PROTOCOL_STRING_MAX */
export const LOCK_STRING_MAX_BYTES = 65_536;
const UUID_BYTES = 16;

/** The longest frame whose every byte can matter: header, descriptor count, the arguments of the longest call. */
export const LOCK_FRAME_KEEP_BYTES = 28 + 4 + 2 * (4 + LOCK_STRING_MAX_BYTES) + 4;

const NIL_UUID = new Uint8Array(UUID_BYTES);

/** A decoded call. Reused: fields that the procedure does not have keep their empty values. */
export interface LockCall {
  procedure: number;
  path: ByteString;
  name: ByteString;
  flags: number;
  uuid: Uint8Array<ArrayBuffer>;
  ownerId: number;
  ownerPid: number;
}

export function emptyLockCall(): LockCall {
  return { procedure: 0, path: "", name: "", flags: 0, uuid: NIL_UUID, ownerId: 0, ownerPid: 0 };
}

function readOwner(reader: XdrReader, call: LockCall): void {
  call.uuid = reader.opaque(UUID_BYTES);
  call.name = reader.string(LOCK_STRING_MAX_BYTES);
  call.ownerId = reader.uint();
  call.ownerPid = reader.uint();
  call.flags = reader.uint();
}

function readFlags(reader: XdrReader, call: LockCall): void {
  call.flags = reader.uint();
}

function readPath(reader: XdrReader, call: LockCall): void {
  call.path = reader.string(LOCK_STRING_MAX_BYTES);
}

function readPathAndFlags(reader: XdrReader, call: LockCall): void {
  readPath(reader, call);
  call.flags = reader.uint();
}

function readResource(reader: XdrReader, call: LockCall): void {
  readPath(reader, call);
  call.name = reader.string(LOCK_STRING_MAX_BYTES);
  call.flags = reader.uint();
}

const ARGUMENTS: readonly ((reader: XdrReader, call: LockCall) => void)[] = [
  () => {},
  readOwner,
  readFlags,
  readPathAndFlags,
  readResource,
  readResource,
  readResource,
  readResource,
  readPath,
];

/** Whether the lock program has a procedure of this number. */
export function isLockProcedure(procedure: number): boolean {
  return procedure >= REGISTER && procedure <= CREATE_LOCKSPACE;
}

/** Reads the arguments of a procedure; false when they end early or break a limit. */
export function decodeLockCall(procedure: number, reader: XdrReader, call: LockCall): boolean {
  call.procedure = procedure;
  call.path = call.name = "";
  call.flags = 0;
  try {
    ARGUMENTS[procedure](reader, call);
    return true;
  } catch (error) {
    if (error instanceof XdrError) return false;
    throw error;
  }
}

function writeResource(writer: XdrWriter, call: LockCall): void {
  writer.string(call.path);
  writer.string(call.name);
  writer.uint(call.flags);
}

/** Writes a call's arguments as a client would. */
export function encodeLockCall(writer: XdrWriter, call: LockCall): void {
  switch (call.procedure) {
    case REGISTER:
      writer.opaque(call.uuid);
      writer.string(call.name);
      writer.uint(call.ownerId);
      writer.uint(call.ownerPid);
      return writer.uint(call.flags);
    case RESTRICT:
      return writer.uint(call.flags);
    case NEW:
      writer.string(call.path);
      return writer.uint(call.flags);
    case CREATE_LOCKSPACE:
      return writer.string(call.path);
    default:
      return writeResource(writer, call);
  }
}
