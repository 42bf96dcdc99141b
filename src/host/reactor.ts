/**
 * The loop: one thread, synchronous, level-triggered epoll(7), timers from a heap.
 *
 * Order of one turn: timers that are due, descriptors that are ready, deferred calls.
 */
import { Epoll, EPOLLIN, EPOLLOUT } from "../../ffi/epoll.ts";
import { type Due, Heap } from "../wire/heap.ts";

export { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLPRI } from "../../ffi/epoll.ts";

/** Called with the ready bits of EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP. */
export type ReadyHandler = (events: number) => void;

/** A timer that was set; give it to cancel(). */
export interface Timer extends Due {
  readonly run: () => void;
}

interface Registration {
  readonly handler: ReadyHandler;
  readonly tag: number;
}

/** How many ready descriptors one epoll_wait returns; those left over come in the next turn. */
const EVENTS_PER_TURN = 256;
/** epoll_wait takes an int of milliseconds; a longer wait is made of several. */
const LONGEST_WAIT_MS = 3_600_000;

export class Reactor {
  readonly #epoll = new Epoll(EVENTS_PER_TURN);
  readonly #registrations: (Registration | undefined)[] = [];
  readonly #timers = new Heap<Timer>();
  #deferred: (() => void)[] = [];
  #running = false;
  #nextTag = 1;
  #turnMs = 0;

  /** Monotonic time in milliseconds. */
  now(): number {
    return performance.now();
  }

  /** The time at which this turn began, for what need not be more exact: it costs no look at the clock. */
  get turnMs(): number {
    return this.#turnMs;
  }

  /** Watches a descriptor. Throws Errno. */
  watch(fd: number, events: number, handler: ReadyHandler): void {
    const tag = this.#nextTag;
    this.#nextTag = (tag + 1) >>> 0;
    this.#epoll.add(fd, events, tag);
    this.#registrations[fd] = { handler, tag };
  }

  /** Changes what a watched descriptor waits for. Throws Errno. */
  rewatch(fd: number, events: number): void {
    const registration = this.#registrations[fd];
    if (registration !== undefined) this.#epoll.modify(fd, events, registration.tag);
  }

  /** Stops watching; call it before the descriptor is closed. */
  unwatch(fd: number): void {
    if (this.#registrations[fd] === undefined) return;
    this.#registrations[fd] = undefined;
    this.#epoll.remove(fd);
  }

  /** Calls `run` once, `delayMs` from now. */
  after(delayMs: number, run: () => void): Timer {
    const timer: Timer = { dueMs: this.now() + delayMs, slot: -1, run };
    this.#timers.push(timer);
    return timer;
  }

  cancel(timer: Timer | undefined): void {
    if (timer !== undefined) this.#timers.remove(timer);
  }

  /** Calls `run` at the end of this turn, when every ready descriptor has been served. */
  defer(run: () => void): void {
    this.#deferred.push(run);
  }

  /** Runs until stop(). */
  run(): void {
    this.#running = true;
    while (this.#running) this.turn(LONGEST_WAIT_MS);
  }

  stop(): void {
    this.#running = false;
  }

  /** One turn, waiting at most `longestMs`. */
  turn(longestMs: number): void {
    const ready = this.#epoll.wait(this.#waitMs(longestMs));
    this.#turnMs = this.now();
    this.#runTimers();
    for (let i = 0; i < ready; i++) {
      const registration = this.#registrations[this.#epoll.eventFd(i)];
      // A handler of this turn may have closed the descriptor, and the number may already be another's.
      if (registration?.tag === this.#epoll.eventTag(i)) {
        registration.handler(this.#epoll.eventBits(i));
      }
    }
    this.#runDeferred();
  }

  #waitMs(longestMs: number): number {
    if (this.#deferred.length > 0) return 0;
    const first = this.#timers.peek();
    if (first === undefined) return longestMs;
    return Math.max(0, Math.min(longestMs, Math.ceil(first.dueMs - this.now())));
  }

  #runTimers(): void {
    for (let timer = this.#timers.peek(); timer !== undefined; timer = this.#timers.peek()) {
      if (timer.dueMs > this.#turnMs) return;
      this.#timers.remove(timer);
      timer.run();
    }
  }

  #runDeferred(): void {
    if (this.#deferred.length === 0) return;
    const calls = this.#deferred;
    this.#deferred = [];
    for (const call of calls) call();
  }

  close(): void {
    this.#epoll.close();
  }
}

/** The interest of a descriptor that is read and, when `writing`, waits for room to write as well. */
export function interest(reading: boolean, writing: boolean): number {
  return (reading ? EPOLLIN : 0) | (writing ? EPOLLOUT : 0);
}
