/** C status codes become exceptions here, and nowhere else. */
import { libc } from "./libc.ts";
import { readCString } from "./memory.ts";

// asm-generic/errno-base.h and asm-generic/errno.h: the numbers that our code decides by.
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EBADF = 9;
export const EAGAIN = 11;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOSPC = 28;
export const EPIPE = 32;
export const ENOSYS = 38;
export const ENOPROTOOPT = 92;
export const EMSGSIZE = 90;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const ENOBUFS = 105;
export const ECONNRESET = 104;
export const ENOMEM = 12;
export const ECONNABORTED = 103;
export const ECONNREFUSED = 111;
export const EALREADY = 114;
export const EINPROGRESS = 115;

// One thread: the address of errno never changes.
const errnoAddress = libc.__errno_location();
const errnoValue = new Int32Array(1);
const errnoBytes = new Uint8Array(errnoValue.buffer);

/** The errno of the call just made; only valid straight after a call that failed. */
export function errno(): number {
  libc.memcpy(errnoBytes, errnoAddress, 4n);
  return errnoValue[0];
}

/** The C library's English text for an error number. */
export function strerror(code: number): string {
  return readCString(libc.strerror(code));
}

/** A system call that failed. The message reads `open "/x/y": Permission denied`. */
export class Errno extends Error {
  override name = "Errno";
  constructor(readonly code: number, readonly call: string, readonly subject?: string) {
    const what = subject === undefined ? call : `${call} "${subject}"`;
    super(`${what}: ${strerror(code)}`);
  }
}

/** Passes a result ≥ 0 through and throws Errno for −1. */
export function check(result: number, call: string, subject?: string): number {
  if (result >= 0) return result;
  throw new Errno(errno(), call, subject);
}
