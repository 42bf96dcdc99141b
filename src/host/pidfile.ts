/**
 * The pid file: locked for life, so that a second daemon is refused and a stale file is not taken for a running one.
 */
import { EACCES, EAGAIN, Errno } from "../../ffi/errno.ts";
import {
  closeDescriptor,
  F_WRLCK,
  O_CLOEXEC,
  O_CREAT,
  O_WRONLY,
  openFile,
  setLock,
  statDescriptor,
  statPath,
  status,
  truncate,
  unlinkPath,
  writeAll,
} from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";
import { processId } from "../../ffi/process.ts";

/** Thrown when another process holds the pid file. */
export class PidFileBusyError extends Error {
  override name = "PidFileBusyError";
}

const PID_FILE_MODE = 0o644;

function openLocked(path: string): number {
  const fd = openFile(cString(path), O_WRONLY | O_CREAT | O_CLOEXEC, PID_FILE_MODE);
  if (fd < 0) throw new Errno(-fd, "open", path);
  const code = setLock(fd, F_WRLCK, 0, 1);
  if (code === 0) return fd;
  closeDescriptor(fd);
  if (code !== -EAGAIN && code !== -EACCES) throw new Errno(-code, "lock", path);
  throw new PidFileBusyError(
    `Failed to acquire pid file '${path}': ${
      new Errno(-code, "lock").message.replace(/^lock: /, "")
    }`,
  );
}

/** Whether the file at the path is still the one that is locked: who had it before, or an administrator, may have removed that. */
function isSameFile(fd: number, path: string): boolean {
  if (statDescriptor(fd) !== 0) return false;
  const { dev, ino } = status;
  return statPath(cString(path)) === 0 && status.dev === dev && status.ino === ino;
}

/** A pid file that this process holds. */
export class PidFile {
  private constructor(readonly path: string, readonly fd: number) {}

  /** Takes the pid file and writes this process's number, and `ending`. Throws PidFileBusyError, Errno. */
  static acquire(path: string, ending = ""): PidFile {
    for (;;) {
      const fd = openLocked(path);
      if (!isSameFile(fd, path)) {
        closeDescriptor(fd);
        continue;
      }
      if (status.size > 0) truncate(fd, 0);
      writeAll(fd, new TextEncoder().encode(`${processId()}${ending}`), path);
      return new PidFile(path, fd);
    }
  }

  /** Goes on with a pid file that was held over an execve. */
  static adopt(path: string, fd: number): PidFile {
    return new PidFile(path, fd);
  }

  /** Lets the file go, and removes it: unless somebody has done so, and the one there now is another daemon's. */
  release(): void {
    if (isSameFile(this.fd, this.path)) unlinkPath(cString(this.path));
    closeDescriptor(this.fd);
  }
}
