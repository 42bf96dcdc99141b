/** Small files of sysfs and /proc. Their absence is an ordinary answer: devices leave at any time. */
import { EMFILE, ENFILE, ENOENT, ENOMEM, Errno, errno } from "../../../ffi/errno.ts";
import {
  accessPath,
  closeDescriptor,
  O_CLOEXEC,
  O_WRONLY,
  openFile,
  readWholeFile,
} from "../../../ffi/file.ts";
import { libc } from "../../../ffi/libc.ts";
import { cString } from "../../../ffi/memory.ts";
import { SYSFS_LIMIT_BYTES } from "../limits.ts";

const decoder = new TextDecoder();

/** Whether something could not be found out for want of descriptors or memory: nothing follows from that. */
export function isExhausted(error: unknown): error is Errno {
  return error instanceof Errno && [EMFILE, ENFILE, ENOMEM].includes(error.code);
}

/** The text of a file without blanks around it; undefined where it cannot be read. Throws Errno of the kind isExhausted(). */
export function readAttribute(path: string): string | undefined {
  try {
    return decoder.decode(readWholeFile(path, SYSFS_LIMIT_BYTES)).trim();
  } catch (error) {
    if (isExhausted(error)) throw error;
    if (error instanceof Errno || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** A whole number from a file; undefined where there is none. Throws as readAttribute(). */
export function readNumber(path: string): number | undefined {
  const text = readAttribute(path);
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;
}

export function isThere(path: string): boolean {
  return accessPath(cString(path), 0) !== -ENOENT;
}

/** Writes a word in one call, as sysfs wants it; 0 or −errno. */
export function writeAttribute(path: string, word: string): number {
  const fd = openFile(cString(path), O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  try {
    const bytes = new TextEncoder().encode(`${word}\n`);
    return libc.write(fd, bytes, bytes.length) < 0 ? -errno() : 0;
  } finally {
    closeDescriptor(fd);
  }
}
