/**
 * A listening Unix socket in the reactor.
 *
 * When the process runs out of descriptors, accept(2) fails while the connection stays pending, and a level-triggered loop
 * would spin on it. So one descriptor is held in reserve: it is given up to accept the connection and refuse it at once.
 */
import {
  EACCES,
  EAGAIN,
  ECONNABORTED,
  ECONNREFUSED,
  EINTR,
  EMFILE,
  ENFILE,
  ENOENT,
  Errno,
} from "../../ffi/errno.ts";
import {
  closeDescriptor,
  isSocket,
  O_CLOEXEC,
  O_RDONLY,
  openFile,
  statPath,
  status,
  unlinkPath,
} from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";
import { setUmask } from "../../ffi/process.ts";
import {
  acceptSocket,
  bindUnix,
  connectUnix,
  listenSocket,
  socketPath,
  unixStream,
} from "../../ffi/socket.ts";
import { EPOLLIN, type Reactor, type Timer } from "./reactor.ts";

/** Thrown where the path belongs to another process that still answers. */
export class SocketInUseError extends Error {
  override name = "SocketInUseError";
}

/** Thrown where the path belongs to something else, which is left as it is. */
export class NotASocketError extends Error {
  override name = "NotASocketError";
}

const DEV_NULL = cString("/dev/null");
/** How long accepting rests when even the reserve is gone. */
const EXHAUSTED_REST_MS = 1_000;
/** Connections accepted in one turn, so that a flood of them does not hold up those already served. */
const ACCEPTS_PER_TURN = 16;

function openReserve(): number {
  return openFile(DEV_NULL, O_RDONLY | O_CLOEXEC, 0);
}

/**
 * Whether somebody has the socket at the path: a full backlog (EAGAIN) is somebody, too, as is a socket of another type (EPROTOTYPE).
 * Throws Errno when there is no telling.
 */
function isServed(path: string): boolean {
  const fd = unixStream();
  const result = connectUnix(fd, path);
  closeDescriptor(fd);
  if (result === -EACCES) throw new Errno(EACCES, "connect", path);
  return result !== -ECONNREFUSED && result !== -ENOENT;
}

/** Removes a socket file that nobody serves any more, and nothing else. Throws SocketInUseError, NotASocketError, Errno. */
function removeStale(path: string): void {
  if (statPath(cString(path)) !== 0) return;
  if (!isSocket(status.mode)) {
    throw new NotASocketError(`"${path}" is there and no socket: remove it, or name another path`);
  }
  if (isServed(path)) {
    throw new SocketInUseError(`"${path}" is served by another process: stop that one first`);
  }
  unlinkPath(cString(path));
}

/**
 * Binds and listens; a socket file that nobody serves any more is replaced. `mode` is that of the socket file.
 * Throws SocketInUseError, NotASocketError, Errno, RangeError (path too long).
 */
export function bindListener(path: string, mode: number, backlog: number): number {
  removeStale(path);
  const fd = unixStream();
  const mask = setUmask(0o777 & ~mode);
  try {
    bindUnix(fd, path);
    listenSocket(fd, backlog);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  } finally {
    setUmask(mask);
  }
  return fd;
}

export interface ListenerEvents {
  /** A new connection, non-blocking. What throws Errno has left it open, and it is closed. */
  accepted(fd: number): void;
  /** A connection was turned away, or could not be taken, for want of descriptors or memory. */
  exhausted(code: number): void;
}

/** Which file a path leads to, as one word; "" when to none. */
function fileAt(path: string): string {
  return statPath(cString(path)) === 0 ? `${status.dev}:${status.ino}` : "";
}

export class Listener {
  #reserve = openReserve();
  #enabled = false;
  #rest: Timer | undefined;
  /** The socket file, to be told at the end from that of a daemon that came after ours was removed by hand. */
  readonly #file: string;

  constructor(
    private readonly reactor: Reactor,
    readonly fd: number,
    private readonly events: ListenerEvents,
    /** Whether the socket file is ours to remove at the end. */
    readonly unlinkAtEnd: boolean,
  ) {
    this.#file = unlinkAtEnd ? fileAt(socketPath(fd)) : "";
    reactor.watch(fd, 0, () => this.#ready());
  }

  /** Switches accepting on or off; connections wait in the backlog meanwhile. */
  enable(on: boolean): void {
    if (on === this.#enabled) return;
    this.#enabled = on;
    this.reactor.rewatch(this.fd, on && this.#rest === undefined ? EPOLLIN : 0);
  }

  close(): void {
    this.reactor.cancel(this.#rest);
    this.reactor.unwatch(this.fd);
    this.#removeFile();
    closeDescriptor(this.fd);
    if (this.#reserve >= 0) closeDescriptor(this.#reserve);
  }

  #removeFile(): void {
    if (this.#file === "") return;
    const path = socketPath(this.fd);
    if (fileAt(path) === this.#file) unlinkPath(cString(path));
  }

  #ready(): void {
    for (let i = 0; i < ACCEPTS_PER_TURN && this.#enabled; i++) {
      const fd = acceptSocket(this.fd);
      if (fd >= 0) this.#handOn(fd);
      else if (!this.#survives(-fd)) return;
    }
  }

  /** Gives a connection to its owner; one that the kernel has no room to watch is closed again. */
  #handOn(fd: number): void {
    try {
      this.events.accepted(fd);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      closeDescriptor(fd);
      this.events.exhausted(error.code);
    }
  }

  /** Deals with an accept error; true when it is worth trying again at once. */
  #survives(code: number): boolean {
    if (code === EAGAIN) return false;
    if (code === EINTR || code === ECONNABORTED) return true;
    if ((code === EMFILE || code === ENFILE) && this.#reserve >= 0) return this.#refuseOne(code);
    this.events.exhausted(code);
    this.#restAWhile();
    return false;
  }

  /** Refuses one connection; false when there was none, since accept(2) wants a descriptor before it looks for one. */
  #refuseOne(code: number): boolean {
    closeDescriptor(this.#reserve);
    const fd = acceptSocket(this.fd);
    if (fd >= 0) {
      closeDescriptor(fd);
      this.events.exhausted(code);
    }
    this.#reserve = openReserve();
    return fd >= 0;
  }

  #restAWhile(): void {
    this.reactor.rewatch(this.fd, 0);
    this.reactor.cancel(this.#rest);
    this.#rest = this.reactor.after(EXHAUSTED_REST_MS, () => {
      this.#rest = undefined;
      if (this.#reserve < 0) this.#reserve = openReserve();
      if (this.#enabled) this.reactor.rewatch(this.fd, EPOLLIN);
    });
  }
}

/** Connects to a daemon's own socket. Throws Errno naming the path. */
export function connectTo(path: string, blocking: boolean): number {
  const fd = unixStream(blocking);
  const result = connectUnix(fd, path);
  if (result === 0) return fd;
  closeDescriptor(fd);
  throw new Errno(-result, "connect", path);
}

/** Whether a failed connect means that no daemon runs there. */
export function isNobodyThere(error: unknown): boolean {
  return error instanceof Errno && (error.code === ENOENT || error.code === ECONNREFUSED);
}
