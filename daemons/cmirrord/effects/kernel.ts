/** The socket to the kernel: frames in, frames out. */
import { EAGAIN, EINTR, ENOBUFS } from "../../../ffi/errno.ts";
import { ConnectorSocket } from "../../../ffi/netlink.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import { EPOLLIN, type Reactor } from "../../../src/host/reactor.ts";
import { KERNEL_ROOM_BYTES, MAX_READS_AFTER_OVERRUN } from "../limits.ts";
import { DM_CONNECTOR } from "../ulog.ts";
import type { Counters } from "./counters.ts";

/** The kernel's connector takes 512 bytes at most. */
const FRAME_BYTES = 2_048;

/** What comes from the kernel. */
export interface KernelEvents {
  frame(bytes: Uint8Array<ArrayBuffer>, view: DataView, length: number): void;
  /** Some requests did not fit, and are lost. */
  overrun(): void;
  /** All that was there was read, after an overrun. */
  drained(): void;
}

/** A socket that is bound and hears the kernel's log requests. Throws Errno. */
export function hearKernel(socket: ConnectorSocket): void {
  socket.setReceiveRoom(KERNEL_ROOM_BYTES);
  socket.hear(DM_CONNECTOR.idx);
}

export class Kernel {
  readonly #log: Logger = logger("cmirrord", "kernel");
  readonly #buffer = new Uint8Array(FRAME_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);
  #isPaused = false;
  #isBehind = false;

  constructor(
    private readonly reactor: Reactor,
    private readonly socket: ConnectorSocket,
    private readonly counters: Counters,
    private readonly events: KernelEvents,
  ) {
    reactor.watch(socket.fd, EPOLLIN, () => this.#read());
  }

  /** Requests wait in the socket, and in the kernel, while there is too much to do. */
  pause(isPaused: boolean): void {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    this.reactor.rewatch(this.socket.fd, isPaused ? 0 : EPOLLIN);
  }

  send(bytes: Uint8Array<ArrayBuffer>, length: number): void {
    const result = this.socket.send(bytes, length);
    // The kernel goes on meanwhile.
    this.counters.answered(bytes, length);
    if (result >= 0) return;
    // The kernel asks again after 15 seconds.
    this.counters.unsent.add();
    this.#log.error("an answer could not be sent to the kernel: error {error}", { error: -result });
  }

  /**
   * One request: whoever asks alone would wait for the call that finds no other. The reactor comes again where there is one. After an
   * overrun as many as there are, as where they end is to be known; but the groups and the log devices have their turn as well.
   */
  #read(): void {
    this.#readOne();
    let left = MAX_READS_AFTER_OVERRUN;
    while (this.#isBehind && !this.#isPaused && left-- > 0) this.#readOne();
  }

  #readOne(): void {
    const length = this.socket.receive(this.#buffer);
    if (length >= 0) this.#frame(length);
    else if (length === -ENOBUFS) this.#overrun();
    else if (length === -EAGAIN) this.#drained();
    else if (length !== -EINTR) {
      this.#log.error("cannot read from the kernel: error {error}", { error: -length });
    }
  }

  #frame(length: number): void {
    if (!this.socket.isFromKernel) return this.counters.forged.add();
    this.events.frame(this.#buffer, this.#view, length);
  }

  #overrun(): void {
    this.#isBehind = true;
    this.counters.overruns.add();
    this.#log.warn("requests of the kernel were lost: they came faster than they were read");
    this.events.overrun();
  }

  #drained(): void {
    if (!this.#isBehind) return;
    this.#isBehind = false;
    this.events.drained();
  }

  close(): void {
    this.reactor.unwatch(this.socket.fd);
    this.socket.close();
  }
}
