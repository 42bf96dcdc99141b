/**
 * Files by path and descriptor.
 *
 * The calls of a request path (openFile, statPath, setLock, unlinkPath …) take NUL-terminated bytes that the caller
 * reuses and return −errno instead of throwing, since their failure is an ordinary answer to a client.
 */
import { getU64, type Layout, layout, setU64 } from "../src/wire/layout.ts";
import { check, EINTR, Errno, errno } from "./errno.ts";
import { libc } from "./libc.ts";
import { cString } from "./memory.ts";

// asm-generic/fcntl.h; the same on x86-64 and aarch64 but for O_NOFOLLOW, and O_DIRECTORY and O_DIRECT, which we do not use.
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
/** Only to know which file it is: nothing is opened. */
export const O_PATH = 0o10000000;
export const O_NOFOLLOW = Deno.build.arch === "x86_64" ? 0o400000 : 0o100000;
export const F_DUPFD_CLOEXEC = 1030;
export const F_DUPFD = 0;
export const F_GETFD = 1;
export const F_SETFD = 2;
export const FD_CLOEXEC = 1;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_SETLK = 6;
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;
export const W_OK = 2;
export const X_OK = 1;
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;
const S_IFSOCK = 0o140000;

/** struct stat of asm/stat.h (x86-64) and asm-generic/stat.h (aarch64), as far as we read it. */
const STAT: Layout<
  "st_dev" | "st_ino" | "st_nlink" | "st_mode" | "st_rdev" | "st_size" | "st_blksize"
> = Deno.build.arch === "x86_64"
  ? layout("struct stat", {
    st_dev: "u64",
    st_ino: "u64",
    st_nlink: "u64",
    st_mode: "u32",
    owners: ["bytes", 12],
    st_rdev: "u64",
    st_size: "i64",
    st_blksize: "i64",
    rest: ["bytes", 80],
  })
  : layout("struct stat", {
    st_dev: "u64",
    st_ino: "u64",
    st_mode: "u32",
    st_nlink: "u32",
    owners: ["bytes", 8],
    st_rdev: "u64",
    pad: "u64",
    st_size: "i64",
    st_blksize: "i32",
    rest: ["bytes", 68],
  });

/** fcntl(2) record lock, asm-generic/fcntl.h. */
const FLOCK = layout("struct flock", {
  l_type: "i16",
  l_whence: "i16",
  l_start: "i64",
  l_len: "i64",
  l_pid: "i32",
});

export const CONSTANTS = {
  O_RDONLY,
  O_WRONLY,
  O_RDWR,
  O_CREAT,
  O_EXCL,
  O_TRUNC,
  O_APPEND,
  O_NONBLOCK,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_PATH,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_GETFD,
  F_SETFD,
  FD_CLOEXEC,
  F_GETFL,
  F_SETFL,
  F_SETLK,
  F_RDLCK,
  F_WRLCK,
  F_UNLCK,
  W_OK,
  X_OK,
  S_IFMT,
  S_IFDIR,
  S_IFREG,
  S_IFSOCK,
};
export const STRUCTS = [STAT, FLOCK];

type Path = Uint8Array<ArrayBuffer>;

/** What the last statPath or statDescriptor found. Reused: read it before the next call. */
export const status = { dev: 0, ino: 0, links: 0, mode: 0, device: 0, size: 0, blockSize: 0 };

const statBuffer = new Uint8Array(STAT.size);
const statView = new DataView(statBuffer.buffer);

function statResult(result: number): number {
  if (result < 0) return -errno();
  status.dev = getU64(statView, STAT.at.st_dev);
  status.ino = getU64(statView, STAT.at.st_ino);
  // 64 bits wide on x86-64, 32 on aarch64; no file system has 2^32 links.
  status.links = statView.getUint32(STAT.at.st_nlink, true);
  status.mode = statView.getUint32(STAT.at.st_mode, true);
  // What a device node stands for: 32 bits hold all that the kernel has.
  status.device = statView.getUint32(STAT.at.st_rdev, true);
  status.size = getU64(statView, STAT.at.st_size);
  // 64 bits wide on x86-64, 32 on aarch64; no block is larger.
  status.blockSize = statView.getUint32(STAT.at.st_blksize, true);
  return 0;
}

/** stat(2) into `status`; 0 or −errno. */
export function statPath(path: Path): number {
  return statResult(libc.stat(path, statBuffer));
}

/** fstat(2) into `status`; 0 or −errno. */
export function statDescriptor(fd: number): number {
  return statResult(libc.fstat(fd, statBuffer));
}

/** Of `st_mode`, as `status.mode` has it (inode(7)). */
export function isDirectory(mode: number): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

/** The same. */
export function isRegularFile(mode: number): boolean {
  return (mode & S_IFMT) === S_IFREG;
}

/** The same. */
export function isSocket(mode: number): boolean {
  return (mode & S_IFMT) === S_IFSOCK;
}

/** open(2); a descriptor or −errno. */
export function openFile(path: Path, flags: number, mode: number): number {
  const fd = libc.open(path, flags, mode);
  return fd < 0 ? -errno() : fd;
}

const lockBuffer = new Uint8Array(FLOCK.size);
const lockView = new DataView(lockBuffer.buffer);

/** A non-blocking POSIX record lock (F_SETLK) on `length` bytes from `start`; 0 or −errno. */
export function setLock(fd: number, type: number, start: number, length: number): number {
  lockView.setInt16(FLOCK.at.l_type, type, true);
  lockView.setInt16(FLOCK.at.l_whence, 0, true);
  setU64(lockView, FLOCK.at.l_start, start);
  setU64(lockView, FLOCK.at.l_len, length);
  return libc.fcntl_lock(fd, F_SETLK, lockBuffer) < 0 ? -errno() : 0;
}

/** unlink(2); 0 or −errno. */
export function unlinkPath(path: Path): number {
  return libc.unlink(path) < 0 ? -errno() : 0;
}

/** mkdir(2); 0 or −errno. */
export function makeDirectory(path: Path, mode: number): number {
  return libc.mkdir(path, mode) < 0 ? -errno() : 0;
}

/** access(2) for the effective use we make of it; 0 or −errno. */
export function accessPath(path: Path, mode: number): number {
  return libc.access(path, mode) < 0 ? -errno() : 0;
}

/** close(2). What it says is not looked at: the descriptor is gone in any case. */
export function closeDescriptor(fd: number): void {
  libc.close(fd);
}

/** Whether the descriptor is closed by execve. Throws Errno (EBADF). */
export function setCloseOnExec(fd: number, on: boolean): void {
  check(libc.fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0), "fcntl(F_SETFD)", String(fd));
}

/** Whether the descriptor is closed by execve, and so cannot have come with one; −errno (EBADF) when it is not open. */
export function isClosedOnExec(fd: number): boolean | number {
  const flags = libc.fcntl(fd, F_GETFD, 0);
  return flags < 0 ? -errno() : (flags & FD_CLOEXEC) !== 0;
}

/** Throws Errno (EBADF). */
export function setNonBlocking(fd: number): void {
  const flags = check(libc.fcntl(fd, F_GETFL, 0), "fcntl(F_GETFL)", String(fd));
  check(libc.fcntl(fd, F_SETFL, flags | O_NONBLOCK), "fcntl(F_SETFL)", String(fd));
}

/** A second descriptor of the same open file, closed by execve. Throws Errno (EMFILE). */
export function duplicate(fd: number): number {
  return check(libc.fcntl(fd, F_DUPFD_CLOEXEC, 3), "fcntl(F_DUPFD_CLOEXEC)", String(fd));
}

/** A second descriptor of the same open file, from `lowest` on, that execve leaves open. Throws Errno (EMFILE). */
export function duplicateForExec(fd: number, lowest: number): number {
  return check(libc.fcntl(fd, F_DUPFD, lowest), "fcntl(F_DUPFD)", String(fd));
}

/** Reads once; the number of bytes or −errno. */
export function readDescriptor(fd: number, buffer: Uint8Array<ArrayBuffer>): number {
  const count = libc.read(fd, buffer, buffer.length);
  return count < 0 ? -errno() : count;
}

/** Reads once at an offset, whatever the descriptor's own position; the number of bytes or −errno. */
export function readAt(fd: number, buffer: Uint8Array<ArrayBuffer>, offset: number): number {
  const count = libc.pread(fd, buffer, buffer.length, BigInt(offset));
  return count < 0 ? -errno() : count;
}

/** Writes everything. Throws Errno naming `subject`. */
export function writeAll(fd: number, bytes: Uint8Array<ArrayBuffer>, subject: string): void {
  let rest = bytes;
  while (rest.length > 0) {
    const count = libc.write(fd, rest, rest.length);
    if (count < 0 && errno() === EINTR) continue;
    rest = rest.subarray(check(count, "write", subject));
  }
}

/**
 * A whole file, of at most `limit` bytes. Reads until the end, since files in /proc have no size.
 * Throws Errno; RangeError when it is longer.
 */
export function readWholeFile(path: string, limit: number): Uint8Array<ArrayBuffer> {
  const fd = openFile(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) throw new Errno(-fd, "open", path);
  try {
    return readToEnd(fd, path, limit);
  } finally {
    closeDescriptor(fd);
  }
}

function readToEnd(fd: number, path: string, limit: number): Uint8Array<ArrayBuffer> {
  statDescriptor(fd);
  let bytes = new Uint8Array(Math.min(status.size, limit) + 4096);
  let length = 0;
  for (;;) {
    const count = readDescriptor(fd, bytes.subarray(length));
    if (count === -EINTR) continue;
    if (count < 0) throw new Errno(-count, "read", path);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length > limit) throw new RangeError(`"${path}" is longer than ${limit} bytes`);
    if (length === bytes.length) bytes = enlarged(bytes);
  }
}

function enlarged(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(bytes.length * 2);
  larger.set(bytes);
  return larger;
}

/** Creates or empties a file, writes it whole and syncs it. Throws Errno. */
export function writeWholeFile(path: string, bytes: Uint8Array<ArrayBuffer>, mode: number): void {
  const fd = openFile(cString(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
  if (fd < 0) throw new Errno(-fd, "open", path);
  try {
    writeAll(fd, bytes, path);
    check(libc.fsync(fd), "fsync", path);
  } finally {
    closeDescriptor(fd);
  }
}

/** Moves a file to another name in its directory, in place of what is there. Throws Errno. */
export function renameFile(from: string, to: string): void {
  check(libc.rename(cString(from), cString(to)), "rename", to);
}

function isDirectoryAt(path: string): boolean {
  return statPath(cString(path)) === 0 && isDirectory(status.mode);
}

/** Makes a directory with its parents; those that exist are left as they are. Throws Errno. */
export function makeDirectories(path: string, mode: number): void {
  if (isDirectoryAt(path)) return;
  for (const end of [...path.matchAll(/\/+/g)].map((m) => m.index).filter((i) => i > 0)) {
    makeDirectory(cString(path.slice(0, end)), mode);
  }
  const result = makeDirectory(cString(path), mode);
  if (result === 0 || isDirectoryAt(path)) return;
  throw new Errno(-result, "mkdir", path);
}

/** Truncates an open file to `length` bytes. Throws Errno. */
export function truncate(fd: number, length: number): void {
  check(libc.ftruncate(fd, BigInt(length)), "ftruncate");
}
