/** Files that are memory: what is stored there outlives the process, whatever ends it, and costs no system call. */
import { check, Errno, errno } from "./errno.ts";
import { closeDescriptor, O_CLOEXEC, O_CREAT, O_RDWR, openFile, truncate } from "./file.ts";
import { libc } from "./libc.ts";
import { cString } from "./memory.ts";
import { systemCall } from "./system_call.ts";

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_FIXED = 0x10;
const MAP_ANONYMOUS = 0x20;

export const CONSTANTS = {
  PROT_READ,
  PROT_WRITE,
  MAP_SHARED,
  MAP_PRIVATE,
  MAP_FIXED,
  MAP_ANONYMOUS,
};

const READ_WRITE = PROT_READ | PROT_WRITE;
/** MAP_FAILED */
const FAILED = 0xffff_ffff_ffff_ffffn;

export interface SharedMemory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly address: bigint;
}

/** Maps a file of `length` bytes, which is made, or brought to that length, if need be. Throws Errno naming the path. */
export function mapFile(path: string, length: number, mode: number): SharedMemory {
  const fd = openFile(cString(path), O_RDWR | O_CREAT | O_CLOEXEC, mode);
  if (fd < 0) throw new Errno(-fd, "open", path);
  try {
    truncate(fd, length);
    // A page that the file system has no room for would be a signal when it is touched.
    const code = systemCall("fallocate", fd, 0, 0, length);
    if (code < 0) throw new Errno(-code, "fallocate", path);
    const address = libc.mmap(0n, BigInt(length), READ_WRITE, MAP_SHARED, fd, 0n);
    if (address === FAILED) throw new Errno(errno(), "mmap", path);
    const pointer = Deno.UnsafePointer.create(address) as Deno.PointerObject;
    const buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, length);
    return { bytes: new Uint8Array(buffer), address };
  } finally {
    closeDescriptor(fd);
  }
}

/**
 * Gives the file and its pages back. The addresses stay taken, and read as zeros, so that nobody who still has the bytes can do harm.
 * Throws Errno.
 */
export function releaseMemory({ bytes, address }: SharedMemory): void {
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  const result = libc.mmap(address, BigInt(bytes.length), READ_WRITE, flags, -1, 0n);
  if (result === FAILED) check(-1, "mmap");
}
