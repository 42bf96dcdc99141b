/** epoll(7), as far as a level-triggered reactor needs it. */
import { type Layout, layout } from "../src/wire/layout.ts";
import { check, EINTR, errno } from "./errno.ts";
import { libc } from "./libc.ts";

// sys/epoll.h
export const EPOLLIN = 0x001;
export const EPOLLPRI = 0x002;
export const EPOLLOUT = 0x004;
export const EPOLLERR = 0x008;
export const EPOLLHUP = 0x010;
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

/** The structure is packed on x86-64 only (EPOLL_PACKED). `fd` and `tag` are the two halves of the data union. */
const EPOLL_EVENT: Layout<"events" | "fd" | "tag"> = layout(
  "struct epoll_event",
  Deno.build.arch === "x86_64"
    ? { events: "u32", fd: "i32", tag: "u32" }
    : { events: ["bytes", 8], fd: "i32", tag: "u32" },
);

export const CONSTANTS = {
  EPOLLIN,
  EPOLLPRI,
  EPOLLOUT,
  EPOLLERR,
  EPOLLHUP,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
};
export const SIZES = { "struct epoll_event": EPOLL_EVENT.size };

/** One epoll instance with its reused event array. Descriptors carry a caller's tag that comes back with each event. */
export class Epoll {
  readonly fd = check(libc.epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  readonly #events: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #capacity: number;
  readonly #change = new Uint8Array(EPOLL_EVENT.size);
  readonly #changeView = new DataView(this.#change.buffer);

  /** `capacity`: how many events one wait may return. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#events = new Uint8Array(capacity * EPOLL_EVENT.size);
    this.#view = new DataView(this.#events.buffer);
  }

  /** Throws Errno (EEXIST, EPERM for a regular file, ENOSPC). */
  add(fd: number, events: number, tag: number): void {
    this.#control(EPOLL_CTL_ADD, fd, events, tag);
  }

  modify(fd: number, events: number, tag: number): void {
    this.#control(EPOLL_CTL_MOD, fd, events, tag);
  }

  remove(fd: number): void {
    this.#control(EPOLL_CTL_DEL, fd, 0, 0);
  }

  #control(operation: number, fd: number, events: number, tag: number): void {
    this.#changeView.setUint32(EPOLL_EVENT.at.events, events, true);
    this.#changeView.setInt32(EPOLL_EVENT.at.fd, fd, true);
    this.#changeView.setUint32(EPOLL_EVENT.at.tag, tag, true);
    check(libc.epoll_ctl(this.fd, operation, fd, this.#change), "epoll_ctl");
  }

  /** Waits up to timeoutMs (−1: for ever) and returns how many events came; 0 after a signal, too. */
  wait(timeoutMs: number): number {
    const count = libc.epoll_wait(this.fd, this.#events, this.#capacity, timeoutMs);
    return count < 0 && errno() === EINTR ? 0 : check(count, "epoll_wait");
  }

  eventBits(index: number): number {
    return this.#view.getUint32(index * EPOLL_EVENT.size + EPOLL_EVENT.at.events, true);
  }

  eventFd(index: number): number {
    return this.#view.getInt32(index * EPOLL_EVENT.size + EPOLL_EVENT.at.fd, true);
  }

  eventTag(index: number): number {
    return this.#view.getUint32(index * EPOLL_EVENT.size + EPOLL_EVENT.at.tag, true);
  }

  close(): void {
    libc.close(this.fd);
  }
}
