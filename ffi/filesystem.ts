/** What a file system tells of a file beyond stat(2): its kind, the extents, who else has it open; and a directory's entries. */
import { type ByteString, decodeBytes } from "../src/wire/bytes.ts";
import { layout } from "../src/wire/layout.ts";
import { Errno, errno } from "./errno.ts";
import {
  closeDescriptor,
  F_RDLCK,
  F_UNLCK,
  F_WRLCK,
  O_CLOEXEC,
  O_RDONLY,
  openFile,
} from "./file.ts";
import { libc } from "./libc.ts";
import { cString } from "./memory.ts";
import { systemCall } from "./system_call.ts";

/** linux/fs.h: _IOWR('f', 11, struct fiemap) */
const FS_IOC_FIEMAP = 0xc020660bn;
/** linux/magic.h */
export const BTRFS_SUPER_MAGIC = 0x9123683e;
/** fcntl.h, with _GNU_SOURCE */
const F_SETLEASE = 1024;

const STATFS = layout("struct statfs", { f_type: "i64", rest: ["bytes", 112] });

export const CONSTANTS = { FS_IOC_FIEMAP: Number(FS_IOC_FIEMAP), F_SETLEASE };
export const STRUCTS = [STATFS];

const statfsBuffer = new Uint8Array(STATFS.size);
const statfsView = new DataView(statfsBuffer.buffer);

/** The magic number of the file system that an open file is on, or −errno. */
export function fileSystemType(fd: number): number {
  if (libc.fstatfs(fd, statfsBuffer) < 0) return -errno();
  return statfsView.getUint32(STATFS.at.f_type, true);
}

/** FS_IOC_FIEMAP on a request that fills the buffer; 0 or −errno (EOPNOTSUPP: the file system has none). */
export function fileExtents(fd: number, request: Uint8Array<ArrayBuffer>): number {
  return libc.ioctl(fd, FS_IOC_FIEMAP, request) < 0 ? -errno() : 0;
}

/** Whether a lease is to be had; it is given back at once. Somebody who wants to open the file meanwhile waits for that. */
function canLease(fd: number, kind: number): boolean | number {
  if (libc.fcntl(fd, F_SETLEASE, kind) < 0) return -errno();
  libc.fcntl(fd, F_SETLEASE, F_UNLCK);
  return true;
}

/**
 * Whether nobody has the file open for writing, or mapped so: 0 then, else −errno (EAGAIN: somebody has). fcntl(2), F_SETLEASE:
 * a read lease is given only then. `fd` is open for reading only. Wants CAP_LEASE for other users' files, and SIGIO blocked.
 */
export function probeNoWriter(fd: number): number {
  const result = canLease(fd, F_RDLCK);
  return typeof result === "number" ? result : 0;
}

/** Whether nobody else has the file open or mapped at all: 0 then, else −errno, as probeNoWriter(). */
export function probeNobodyElse(fd: number): number {
  const result = canLease(fd, F_WRLCK);
  return typeof result === "number" ? result : 0;
}

const ENTRIES_BYTES = 32_768;
/** struct linux_dirent64 (getdents64(2)): d_ino u64, d_off i64, d_reclen u16, d_type u8, d_name */
const RECLEN_AT = 16;
const NAME_AT = 19;

/** The names in a directory, without `.` and `..`. Throws Errno. */
export function directoryEntries(path: string): ByteString[] {
  const fd = openFile(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) throw new Errno(-fd, "open", path);
  try {
    const names: ByteString[] = [];
    const buffer = new Uint8Array(ENTRIES_BYTES);
    for (;;) {
      const count = systemCall("getdents64", fd, buffer, buffer.length);
      if (count < 0) throw new Errno(-count, "getdents64", path);
      if (count === 0) return names.filter((name) => name !== "." && name !== "..");
      names.push(...entriesIn(buffer, count));
    }
  } finally {
    closeDescriptor(fd);
  }
}

function entriesIn(buffer: Uint8Array<ArrayBuffer>, count: number): ByteString[] {
  const view = new DataView(buffer.buffer);
  const names: ByteString[] = [];
  for (let at = 0; at < count; at += view.getUint16(at + RECLEN_AT, true)) {
    const start = at + NAME_AT;
    names.push(decodeBytes(buffer, start, buffer.indexOf(0, start)));
  }
  return names;
}
