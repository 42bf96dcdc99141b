/**
 * Whose turn it is to run scripts. A runner outlives its daemon until the scripts at hand have ended, and the next daemon has another:
 * so a file is locked while those of one notification run, and says which script that is.
 */
import { EACCES, EAGAIN, Errno, strerror } from "../../../ffi/errno.ts";
import {
  closeDescriptor,
  F_WRLCK,
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_NOFOLLOW,
  O_RDWR,
  openFile,
  readAt,
  setLock,
  truncate,
} from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { writeLine } from "../../../src/host/log_line.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import { TURN_FIRST_MS, TURN_LONGEST_MS, TURN_REPORT_MS } from "../limits.ts";
import { formatMark, parseMark, type ProcessMark } from "../process_stat.ts";
import { processStat } from "./processes.ts";

/** Wherever the control socket is, no other file is written to. */
const LOCK_FLAGS = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
/** Nobody else's, who could lock it for ever. */
const LOCK_MODE = 0o600;
const MARK_LIMIT_BYTES = 64;

/** The script that runs, by what the file says. */
function markIn(fd: number): ProcessMark | undefined {
  const bytes = new Uint8Array(MARK_LIMIT_BYTES);
  const count = readAt(fd, bytes, 0);
  return parseMark(new TextDecoder().decode(bytes.subarray(0, Math.max(0, count))));
}

function stillRuns({ pid, startTicks }: ProcessMark): boolean {
  const stat = processStat(pid);
  return stat !== undefined && stat.isAlive && stat.startTicks === startTicks;
}

/** A wait for the turn. */
interface Wait {
  readonly sinceMs: number;
  readonly then: () => void;
  isReported: boolean;
}

export class Turn {
  /** The locked file; −1 without one. */
  #fd = -1;
  /** So that a file that cannot be locked is mentioned once. */
  #hasFailed = false;

  /** `path`: of the file, the same for all whose scripts must not overlap. */
  constructor(
    private readonly reactor: Reactor,
    private readonly path: string,
    private readonly note: (level: "info" | "warn", text: string) => void,
  ) {}

  /** Calls `then` when it is our turn: at once, unless scripts of an earlier run of the daemon have not ended. */
  take(then: () => void): void {
    this.#attempt({ sinceMs: this.reactor.now(), then, isReported: false }, TURN_FIRST_MS);
  }

  /** A script has been started. It is waited for even where its runner, which has the lock, is killed. */
  began(pid: number): void {
    const stat = processStat(pid);
    if (this.#fd < 0 || stat === undefined) return;
    try {
      truncate(this.#fd, 0);
      writeLine(this.#fd, formatMark({ pid, startTicks: stat.startTicks }));
    } catch (error) {
      // The lock is there all the same.
      if (!(error instanceof Errno)) throw error;
    }
  }

  /** All scripts of the notification have ended. */
  release(): void {
    if (this.#fd >= 0) closeDescriptor(this.#fd);
    this.#fd = -1;
  }

  #attempt(wait: Wait, pauseMs: number): void {
    if (this.#lock(wait)) return wait.then();
    const nextMs = Math.min(2 * pauseMs, TURN_LONGEST_MS);
    this.reactor.after(pauseMs, () => this.#attempt(wait, nextMs));
  }

  /** Whether it is our turn. Scripts are more important than their order: without the file, or a lock on it, it is. */
  #lock(wait: Wait): boolean {
    const fd = openFile(cString(this.path), LOCK_FLAGS, LOCK_MODE);
    if (fd < 0) return this.#fail(fd);
    // Of this process alone (fcntl_locking(2)): what a script leaves running does not have it.
    const code = setLock(fd, F_WRLCK, 0, 1);
    const isOthers = code === -EAGAIN || code === -EACCES;
    if (code < 0 && !isOthers) {
      closeDescriptor(fd);
      return this.#fail(code);
    }
    const mark = markIn(fd);
    if (!isOthers && (mark === undefined || !stillRuns(mark))) {
      this.#fd = fd;
      return true;
    }
    closeDescriptor(fd);
    this.#report(wait, mark);
    return false;
  }

  /** Returns true. */
  #fail(code: number): true {
    const { path } = this;
    if (!this.#hasFailed) {
      this.note(
        "warn",
        `"${path}" cannot be locked, scripts of two runs may overlap: ${strerror(-code)}`,
      );
    }
    this.#hasFailed = true;
    return true;
  }

  #report(wait: Wait, mark: ProcessMark | undefined): void {
    if (wait.isReported || this.reactor.now() - wait.sinceMs < TURN_REPORT_MS) return;
    wait.isReported = true;
    const which = mark === undefined ? "" : `, process ${mark.pid},`;
    this.note(
      "warn",
      `a script of an earlier run of the daemon${which} has not ended, and all others wait for it: end it if it hangs`,
    );
  }
}
