/** The memory map of this process, proc_pid_maps(5), and advice about parts of it. */
import { check, Errno } from "./errno.ts";
import { readWholeFile } from "./file.ts";
import { libc } from "./libc.ts";
import { systemCall } from "./system_call.ts";

// asm-generic/mman-common.h
const MADV_DONTNEED = 4;
const MLOCK_ONFAULT = 1;

export const CONSTANTS = { MADV_DONTNEED, MLOCK_ONFAULT };

export interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
  /** Such as `r-xp`. */
  readonly permissions: string;
  /** The mapped file, "" for anonymous memory. */
  readonly path: string;
}

const LINE = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \d+ *(.*)$/;
const MAPS_LIMIT_BYTES = 16 << 20;

/** Every mapping of this process. Throws Errno. */
export function readMappings(): Mapping[] {
  const text = new TextDecoder().decode(readWholeFile("/proc/self/maps", MAPS_LIMIT_BYTES));
  return text.split("\n").flatMap((line) => {
    const match = LINE.exec(line);
    if (match === null) return [];
    const [, start, end, permissions, path] = match;
    return [{ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), permissions, path }];
  });
}

/**
 * Drops the pages of a mapping; those of a file come back from it when they are used again. Never for memory that was written
 * to: that would be lost. Throws Errno.
 */
export function dropPages({ start, end }: Mapping): void {
  check(libc.madvise(start, end - start, MADV_DONTNEED), "madvise");
}

/** Keeps the pages of a mapping in memory, each from when it is first used; 0 or −errno (EPERM, ENOMEM: RLIMIT_MEMLOCK). */
export function lockPages({ start, end }: Mapping): number {
  return systemCall("mlock2", Number(start), Number(end - start), MLOCK_ONFAULT);
}

/** Takes a mapping of something that nobody uses any more out of this process. Throws Errno. */
export function unmap({ start, end }: Mapping): void {
  const code = systemCall("munmap", Number(start), Number(end - start));
  if (code < 0) throw new Errno(-code, "munmap");
}
