/** Lease files: made, locked, unlocked and removed. Every path comes from a client as bytes. */
import { EACCES, EAGAIN, EEXIST, ENOENT, ENOTDIR, Errno, strerror } from "../../../ffi/errno.ts";
import {
  closeDescriptor,
  duplicate,
  F_RDLCK,
  F_WRLCK,
  isDirectory,
  makeDirectory,
  O_CLOEXEC,
  O_CREAT,
  O_EXCL,
  O_NONBLOCK,
  O_RDWR,
  O_WRONLY,
  openFile,
  setLock,
  statDescriptor,
  statPath,
  status,
  unlinkPath,
} from "../../../ffi/file.ts";
import { type ByteString, encodeBytes } from "../../../src/wire/bytes.ts";
import {
  type HeldInode,
  isAutocreated,
  isShared,
  type LockTable,
  type Removal,
  type Resource,
  resourcePath,
} from "../lockspace.ts";
import type { Outcome } from "../machine.ts";
import { LOCK_STRING_MAX_BYTES } from "../lock_protocol.ts";

/** The original locks byte 0 alone; QEMU's own image locks are elsewhere. */
const LOCK_START = 0;
const LOCK_LENGTH = 1;

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

/** The flags of every open: a lease on the file (fcntl(2), F_SETLEASE) must not block the daemon. */
const OPEN = O_CLOEXEC | O_NONBLOCK;
const OPEN_NEW = O_RDWR | O_CREAT | O_EXCL | OPEN;

/**
 * How often a lease file may vanish or be replaced between open and lock before the client is told "busy". The original
 * tries for ever.
 */
const REPLACED_LIMIT = 100;

/** Thrown by lockFile and createFile when somebody's lease on the file must be given up first: try again later. */
export class LeaseConflict extends Error {
  override name = "LeaseConflict";
}

const LEASE_CONFLICT = new LeaseConflict("another process holds a lease on the file");

const outcome: Outcome = {
  result: "done",
  fd: -1,
  dev: 0,
  ino: 0,
  errno: 0,
  reason: "",
};

function done(): Outcome {
  outcome.result = "done";
  return outcome;
}

function failed(result: Outcome["result"], code: number): Outcome {
  outcome.result = result;
  outcome.errno = code;
  outcome.reason = strerror(code);
  return outcome;
}

function busy(): Outcome {
  outcome.result = "busy";
  return outcome;
}

function locked(fd: number, dev: number, ino: number): Outcome {
  outcome.result = "locked";
  outcome.fd = fd;
  outcome.dev = dev;
  outcome.ino = ino;
  return outcome;
}

// Directory, slash, name and NUL of the longest call.
const pathBuffer = new Uint8Array(2 * LOCK_STRING_MAX_BYTES + 2);
let pathInBuffer: ByteString = "";

/** A path as C takes it, in a buffer that the next other path overwrites. */
function cPath(path: ByteString): Uint8Array<ArrayBuffer> {
  if (path !== pathInBuffer) {
    pathBuffer[encodeBytes(path, pathBuffer, 0)] = 0;
    pathInBuffer = path;
  }
  return pathBuffer;
}

/** Makes a lockspace directory with its parents, as the original does: an existing directory is fine. */
export function makeLockspace(path: ByteString): Outcome {
  if (statPath(cPath(path)) === 0) {
    return isDirectory(status.mode) ? done() : failed("notDirectory", EEXIST);
  }
  const code = makeParents(path);
  if (code !== 0) return failed("failed", code);
  const result = makeDirectory(cPath(path), DIRECTORY_MODE);
  if (result === 0) return done();
  if (result !== -EEXIST) return failed("failed", -result);
  // Somebody else made it in between, or it is a symbolic link that leads nowhere.
  const isThere = statPath(cPath(path)) === 0 && isDirectory(status.mode);
  return isThere ? done() : failed("failed", ENOTDIR);
}

/** The error number of the first parent that could not be made, or 0. */
function makeParents(path: ByteString): number {
  for (let slash = path.indexOf("/", 1); slash > 0; slash = path.indexOf("/", slash + 1)) {
    const result = makeDirectory(cPath(path.slice(0, slash)), DIRECTORY_MODE);
    if (result !== 0 && result !== -EEXIST) return -result;
  }
  return 0;
}

/**
 * Makes a lease file if it is not there. A file that this process holds a lock on is not opened, since closing it again
 * would drop that lock. Throws LeaseConflict.
 */
export function createFile(table: LockTable, path: ByteString): Outcome {
  if (statPath(cPath(path)) === 0 && table.held(status.dev, status.ino) !== undefined) {
    return done();
  }
  const fd = openFile(cPath(path), O_WRONLY | O_CREAT | OPEN, FILE_MODE);
  if (fd === -EAGAIN) throw LEASE_CONFLICT;
  if (fd < 0) return failed("openFailed", -fd);
  const isKnown = statDescriptor(fd) === 0;
  const held = isKnown ? table.held(status.dev, status.ino) : undefined;
  if (held === undefined) closeDescriptor(fd);
  else held.parked.push(fd);
  return done();
}

/**
 * Removes a lease file; one that is not there is fine. Not one that is locked under another name: whoever locks this name next
 * would get a new file, and a second grant.
 */
export function deleteFile(table: LockTable, path: ByteString): Outcome {
  const isThere = statPath(cPath(path)) === 0;
  if (isThere && table.held(status.dev, status.ino) !== undefined) return busy();
  const result = unlinkPath(cPath(path));
  return result === 0 || result === -ENOENT ? done() : failed("failed", -result);
}

/**
 * A descriptor for one more name of a file that is locked for sharing. One that was parked serves again, or their number would
 * grow with every lock by another name; if it is for writing only, as createFile()'s is, it cannot hold that lock. Throws Errno.
 */
function furtherDescriptor({ resources, parked }: HeldInode): number {
  const spare = parked.findIndex((fd) => setLock(fd, F_RDLCK, LOCK_START, LOCK_LENGTH) === 0);
  return spare < 0 ? duplicate(resources[0].fd) : parked.splice(spare, 1)[0];
}

/** Another name of a file that is locked already: exclusive locks exclude each other whatever the name. */
function joinHeld(held: HeldInode, shared: boolean): Outcome {
  if (!shared || !held.resources.every(isShared)) return busy();
  try {
    return locked(furtherDescriptor(held), held.dev, held.ino);
  } catch (error) {
    if (error instanceof Errno) return failed("openFailed", error.code);
    throw error;
  }
}

/** Locks a descriptor just opened. Undefined: the file was replaced meanwhile, try again. */
function lockOpened(
  table: LockTable,
  fd: number,
  path: ByteString,
  shared: boolean,
  autocreate: boolean,
): Outcome | undefined {
  const statCode = statDescriptor(fd);
  const { dev, ino } = status;
  const held = statCode === 0 ? table.held(dev, ino) : undefined;
  if (held !== undefined) {
    held.parked.push(fd);
    return joinHeld(held, shared);
  }
  const lockCode = statCode < 0
    ? 0
    : setLock(fd, shared ? F_RDLCK : F_WRLCK, LOCK_START, LOCK_LENGTH);
  if (statCode === 0 && lockCode === 0 && isStillThere(path, ino, autocreate)) {
    return locked(fd, dev, ino);
  }
  closeDescriptor(fd);
  if (statCode < 0) return failed("statFailed", -statCode);
  if (lockCode === -EACCES || lockCode === -EAGAIN) return busy();
  return lockCode < 0 ? failed("lockFailed", -lockCode) : undefined;
}

/** A file that may be removed by its last holder must still be the one at the path once it is locked. */
function isStillThere(path: ByteString, ino: number, autocreate: boolean): boolean {
  return !autocreate || (statPath(cPath(path)) === 0 && status.ino === ino);
}

/** Opens and locks a lease file, never waiting. Throws LeaseConflict. */
export function lockFile(
  table: LockTable,
  path: ByteString,
  shared: boolean,
  autocreate: boolean,
): Outcome {
  for (let attempt = 0; attempt < REPLACED_LIMIT; attempt++) {
    // A file that is new is nobody's, and most are: they are removed at each release.
    let fd = autocreate ? openFile(cPath(path), OPEN_NEW, FILE_MODE) : -EEXIST;
    if (fd === -EEXIST) {
      // Looked at before it is opened: a second descriptor of a held file would have to be kept.
      if (statPath(cPath(path)) === 0) {
        const held = table.held(status.dev, status.ino);
        if (held !== undefined) return joinHeld(held, shared);
      }
      fd = openFile(cPath(path), O_RDWR | OPEN | (autocreate ? O_CREAT : 0), FILE_MODE);
    }
    if (fd === -EAGAIN) throw LEASE_CONFLICT;
    if (fd < 0) return failed("openFailed", -fd);
    const result = lockOpened(table, fd, path, shared, autocreate);
    if (result !== undefined) return result;
  }
  return busy();
}

/** Whether another file is at the path of a lock by now, as when somebody removed a lease file that was in use. */
function isReplaced({ inode }: Resource, path: ByteString): boolean {
  return statPath(cPath(path)) === 0 && (status.ino !== inode.ino || status.dev !== inode.dev);
}

/**
 * Lets a file go whose resource has left the table: removed when it was made for the lock and nobody else holds it, then
 * closed, which unlocks it. A file that came in its place may be locked, too, and stays. Removal failures are returned for the
 * log; the lock goes all the same.
 */
export function dropFile(removal: Removal): number {
  const { resource, close } = removal;
  if (close.length === 0) return 0;
  const path = resourcePath(resource);
  const mine = isAutocreated(resource) && !isReplaced(resource, path) &&
    (!isShared(resource) || setLock(resource.fd, F_WRLCK, LOCK_START, LOCK_LENGTH) === 0);
  const result = mine ? unlinkPath(cPath(path)) : 0;
  for (const fd of close) closeDescriptor(fd);
  return result === -ENOENT ? 0 : result;
}

/** The identity of an open lease file, for a table that comes from a predecessor. Throws Errno. */
export function identify(fd: number): { dev: number; ino: number } {
  const result = statDescriptor(fd);
  if (result < 0) throw new Errno(-result, "fstat", String(fd));
  return { dev: status.dev, ino: status.ino };
}
