/**
 * Descriptors that came with the execve.
 *
 * The runtime opens some for itself before our first statement, so a number that is open need not be one that we were given. But
 * what came through an execve has no FD_CLOEXEC, and what the runtime opens has.
 */
import { closeDescriptor, isClosedOnExec } from "../../../ffi/file.ts";
import { directoryEntries } from "../../../ffi/filesystem.ts";
import { STDERR } from "../../../src/host/standard.ts";

/** Whether the descriptor was passed to this program. */
export function isInherited(fd: number): boolean {
  return fd >= 0 && isClosedOnExec(fd) === false;
}

/** Closes what was passed and nobody here has use for, such as libdevmapper's control descriptor. Throws Errno. */
export function closeInherited(kept: readonly (number | undefined)[]): void {
  for (const fd of directoryEntries("/proc/self/fd").map(Number)) {
    if (fd > STDERR && !kept.includes(fd) && isInherited(fd)) closeDescriptor(fd);
  }
}
