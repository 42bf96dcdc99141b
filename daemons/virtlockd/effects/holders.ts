/**
 * Lock holders that lost their connection. A holder whose connection ends may still be writing to its disk, so it is ended,
 * and its locks go when it is dead, not before: SIGTERM at once, SIGKILL a little later, while the loop goes on serving.
 *
 * A process is watched through a pidfd, so that neither a later process with its number is hit nor a zombie waited for.
 */
import { EMFILE, ENFILE, ENOMEM, ENOPROTOOPT, Errno, ESRCH } from "../../../ffi/errno.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { hasEnded, openProcess, sendSignal, signalProcess } from "../../../ffi/process.ts";
import { SIGKILL, SIGTERM } from "../../../ffi/signal.ts";
import { peerProcess } from "../../../ffi/socket.ts";
import { EPOLLIN, type Reactor, type Timer } from "../../../src/host/reactor.ts";
import { KILL_AFTER_MS, UNKILLABLE_REPORT_MS } from "../limits.ts";

/**
 * What is known of a process: a descriptor to watch it by, that it is gone, or only its number (before Linux 5.3, or when
 * descriptors had run out).
 */
export type Watch = { readonly pidfd: number } | "gone" | "unwatchable";

/** Errors that say nothing about the process: an older kernel, or want of descriptors or memory. */
const CANNOT_TELL = [-ENOPROTOOPT, -EMFILE, -ENFILE, -ENOMEM];

/** A pidfd of the process at the other end of a connection, which must be `pid`. */
export function watchPeer(socket: number, pid: number): Watch {
  const exact = peerProcess(socket);
  if (exact >= 0) return { pidfd: exact };
  return CANNOT_TELL.includes(exact) ? watchProcess(pid) : "gone";
}

/** By number, which another process may have by now. */
export function watchProcess(pid: number): Watch {
  const pidfd = openProcess(pid);
  if (pidfd >= 0) return { pidfd };
  return pidfd === -ESRCH ? "gone" : "unwatchable";
}

/** Lets go of the pidfd, if there is one. */
export function closeWatch(watch: Watch | undefined): void {
  if (typeof watch === "object") closeDescriptor(watch.pidfd);
}

/** Whether the process has ended, as far as can be told. */
export function isGone(watch: Watch, pid: number): boolean {
  if (watch === "gone") return true;
  return typeof watch === "object" ? hasEnded(watch.pidfd) : sendSignal(pid, 0) === -ESRCH;
}

/** Whether the process that made a connection has ended; its end of it may live on in a child. */
export function peerHasEnded(socket: number, pid: number): boolean {
  const watch = watchPeer(socket, pid);
  const gone = isGone(watch, pid);
  closeWatch(watch);
  return gone;
}

/** A holder on its way out. */
interface Dying {
  readonly pid: number;
  readonly watch: Watch;
  readonly sinceMs: number;
  /** Whether the reactor tells of its end; if not, it is looked at. */
  isTold: boolean;
  killed: boolean;
  /** When the log last said that it would not die, in ms after the start. */
  reportedMs: number;
  timer: Timer | undefined;
}

/** How often a process is looked at of whose end nobody tells: the original's interval. */
const PROBE_MS = 200;

export interface HolderEvents {
  /** The process is dead: its locks can go. */
  died(pid: number): void;
  signalled(pid: number, signal: "SIGTERM" | "SIGKILL"): void;
  /** SIGKILL did not help for this long; its locks stay. */
  unkillable(pid: number, forMs: number): void;
}

export class Holders {
  readonly #dying = new Map<number, Dying>();

  constructor(private readonly reactor: Reactor, private readonly events: HolderEvents) {}

  get count(): number {
    return this.#dying.size;
  }

  /** Pids of the holders that are being ended, and since when (reactor time). */
  *dying(): Generator<{ pid: number; sinceMs: number }> {
    for (const { pid, sinceMs } of this.#dying.values()) yield { pid, sinceMs };
  }

  /** Ends a holder; takes over the watch. `elapsedMs`: how long a predecessor of this process was at it already. */
  end(pid: number, watch: Watch, elapsedMs = 0): void {
    if (this.#dying.has(pid)) return closeWatch(watch);
    const sinceMs = this.reactor.now() - elapsedMs;
    const state = { isTold: false, killed: false, reportedMs: 0, timer: undefined };
    const dying: Dying = { pid, watch, sinceMs, ...state };
    this.#dying.set(pid, dying);
    // 0 and −1 are groups of processes, 1 is init: never a holder that can be ended.
    if (pid <= 1 || isGone(watch, pid)) return this.#died(dying);
    this.#watchEnd(dying);
    if (elapsedMs === 0) this.#signal(dying, SIGTERM);
    this.#wait(dying);
  }

  /** Has the reactor tell of the end, if there is a pidfd and the kernel has room to watch it. */
  #watchEnd(dying: Dying): void {
    if (typeof dying.watch !== "object") return;
    try {
      this.reactor.watch(dying.watch.pidfd, EPOLLIN, () => this.#died(dying));
      dying.isTold = true;
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
    }
  }

  /** Looks at every dying holder now, for a client that asks for what one of them held. */
  reap(): void {
    for (const dying of [...this.#dying.values()]) {
      if (isGone(dying.watch, dying.pid)) this.#died(dying);
    }
  }

  #signal(dying: Dying, signal: number): void {
    const { watch, pid } = dying;
    const result = typeof watch === "object"
      ? signalProcess(watch.pidfd, signal)
      : sendSignal(pid, signal);
    if (result === -ESRCH) this.#died(dying);
    else if (result === 0) this.events.signalled(pid, signal === SIGTERM ? "SIGTERM" : "SIGKILL");
  }

  #wait(dying: Dying): void {
    if (!this.#dying.has(dying.pid)) return;
    dying.timer = this.reactor.after(this.#nextLookMs(dying), () => this.#look(dying));
  }

  #nextLookMs(dying: Dying): number {
    const untilKill = dying.sinceMs + KILL_AFTER_MS - this.reactor.now();
    const next = dying.killed ? UNKILLABLE_REPORT_MS : Math.max(0, untilKill);
    return dying.isTold ? next : Math.min(next, PROBE_MS);
  }

  #look(dying: Dying): void {
    const elapsedMs = this.reactor.now() - dying.sinceMs;
    if (isGone(dying.watch, dying.pid)) return this.#died(dying);
    if (!dying.killed && elapsedMs >= KILL_AFTER_MS) {
      dying.killed = true;
      this.#signal(dying, SIGKILL);
    } else if (dying.killed && elapsedMs - dying.reportedMs >= UNKILLABLE_REPORT_MS) {
      dying.reportedMs = elapsedMs;
      this.events.unkillable(dying.pid, elapsedMs);
    }
    this.#wait(dying);
  }

  #died(dying: Dying): void {
    this.#dying.delete(dying.pid);
    this.reactor.cancel(dying.timer);
    if (typeof dying.watch === "object") {
      this.reactor.unwatch(dying.watch.pidfd);
      closeDescriptor(dying.watch.pidfd);
    }
    this.events.died(dying.pid);
  }
}
