/**
 * A connected stream socket in the reactor: bytes in to a handler that says how many it took, bytes out through a bounded
 * queue.
 *
 * - All streams share one receive buffer; only the beginning of an unfinished message is kept per stream.
 * - While output waits, input is not read: a peer that does not read its replies cannot make us hold more of them.
 */
import { EAGAIN, EINTR } from "../../ffi/errno.ts";
import { closeDescriptor } from "../../ffi/file.ts";
import { Receiver, sendBytes } from "../../ffi/socket.ts";
import { EPOLLERR, EPOLLHUP, EPOLLIN, EPOLLOUT, interest, type Reactor } from "./reactor.ts";

/** One receive: small enough that a peer with much to say does not keep the others waiting. */
const RECEIVE_BYTES = 16_384;

const receiver = new Receiver(RECEIVE_BYTES);

export type CloseReason =
  | "end of stream"
  | "protocol error"
  | "connection error"
  | "queue full"
  | "stalled"
  | "closed here";

export interface StreamHandler {
  /**
   * Looks at bytes [start, end) and returns how many of them it is done with, from the start; the rest comes again
   * with more behind it. `marked` is the offset of a byte that carried a passed descriptor, or −1. The buffer is valid
   * during the call only.
   */
  data(
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    start: number,
    end: number,
    marked: number,
  ): number;
  /** The stream is over; its descriptor is still open. */
  closed(reason: CloseReason): void;
}

const NOTHING = new Uint8Array(0);

export class Stream {
  readonly fd: number;
  readonly #reactor: Reactor;
  readonly #handler: StreamHandler;
  readonly #queueLimit: number;
  #held: Uint8Array<ArrayBuffer> = NOTHING;
  #heldView = new DataView(NOTHING.buffer);
  #heldLength = 0;
  #heldMark = -1;
  #output: Uint8Array<ArrayBuffer> = NOTHING;
  #paused = false;
  #closing = false;
  #closed = false;
  #watching = EPOLLIN;

  /** Takes over a non-blocking descriptor. `queueLimit`: bytes of output that may wait. Throws Errno. */
  constructor(reactor: Reactor, fd: number, handler: StreamHandler, queueLimit: number) {
    this.fd = fd;
    this.#reactor = reactor;
    this.#handler = handler;
    this.#queueLimit = queueLimit;
    reactor.watch(fd, EPOLLIN, (events) => this.#ready(events));
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** True while output waits or the owner has paused: the handler must take no further message. */
  get isBlocked(): boolean {
    return this.#paused || this.#closing || this.#closed || this.#output.length > 0;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  get holdsInput(): boolean {
    return this.#heldLength > 0;
  }

  get holdsOutput(): boolean {
    return this.#output.length > 0;
  }

  /** How many bytes of input and output are held. */
  get heldBytes(): number {
    return this.#heldLength + this.#output.length;
  }

  /** Input received but not taken yet (a copy). */
  get heldInput(): Uint8Array<ArrayBuffer> {
    return this.#held.slice(0, this.#heldLength);
  }

  /** Output not sent yet (a copy). */
  get heldOutput(): Uint8Array<ArrayBuffer> {
    return this.#output.slice();
  }

  /** Puts back what a predecessor of this process had received and not sent; run resume() afterwards. */
  restore(input: Uint8Array<ArrayBuffer>, output: Uint8Array<ArrayBuffer>): void {
    this.#hold(input, 0, input.length, -1);
    this.#output = output;
    this.#rewatch();
  }

  /** Takes no more input until resume(). */
  pause(): void {
    this.#paused = true;
    this.#rewatch();
  }

  /** Goes on, first with what is held. */
  resume(): void {
    this.#paused = false;
    this.#takeHeld();
    this.#rewatch();
  }

  /** Sends the first `length` bytes, or queues what the socket does not take. */
  send(bytes: Uint8Array<ArrayBuffer>, length: number): void {
    if (this.#closed) return;
    if (this.#output.length > 0) return this.#queue(bytes, 0, length);
    const count = sendBytes(this.fd, bytes, length);
    if (count === length) return;
    if (count < 0 && count !== -EAGAIN && count !== -EINTR) return this.close("connection error");
    this.#queue(bytes, Math.max(0, count), length);
  }

  /** Closes when the queue is empty. */
  closeAfterOutput(): void {
    this.#closing = true;
    if (this.#output.length === 0) this.close("closed here");
    else this.#rewatch();
  }

  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#reactor.unwatch(this.fd);
    this.#handler.closed(reason);
    closeDescriptor(this.fd);
    this.#held = this.#output = NOTHING;
  }

  #ready(events: number): void {
    if ((events & EPOLLOUT) !== 0) this.#flush();
    if (this.#closed) return;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) === 0) return;
    // A hang-up is reported even when nothing is being read.
    if (this.isBlocked) {
      if ((events & (EPOLLHUP | EPOLLERR)) !== 0) this.close("connection error");
      return;
    }
    this.#receive();
  }

  #receive(): void {
    const count = receiver.receive(this.fd, 0, RECEIVE_BYTES);
    if (count > 0) return this.#received(count);
    if (count === 0) return this.close("end of stream");
    if (count !== -EAGAIN && count !== -EINTR) this.close("connection error");
  }

  #received(count: number): void {
    const mark = receiver.descriptorCame ? count - 1 : -1;
    if (this.#heldLength > 0) {
      this.#hold(receiver.buffer, 0, count, mark);
      this.#takeHeld();
    } else {
      const taken = this.#handler.data(receiver.buffer, receiver.view, 0, count, mark);
      if (!this.#closed && taken < count) this.#hold(receiver.buffer, taken, count, mark);
    }
    if (!this.#closed) this.#rewatch();
  }

  #takeHeld(): void {
    if (this.#heldLength === 0 || this.isBlocked) return;
    const taken = this.#handler.data(
      this.#held,
      this.#heldView,
      0,
      this.#heldLength,
      this.#heldMark,
    );
    if (this.#closed || taken === 0) return;
    this.#heldLength -= taken;
    this.#heldMark = Math.max(-1, this.#heldMark - taken);
    if (this.#heldLength === 0) this.#held = NOTHING;
    else this.#held.copyWithin(0, taken, taken + this.#heldLength);
  }

  /** Appends [start, end) of `bytes` to what is held. The handler bounds it by taking what it will not keep. */
  #hold(bytes: Uint8Array<ArrayBuffer>, start: number, end: number, mark: number): void {
    const length = this.#heldLength + end - start;
    if (length > this.#held.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#held.length));
      larger.set(this.#held.subarray(0, this.#heldLength));
      this.#held = larger;
      this.#heldView = new DataView(larger.buffer);
    }
    if (mark >= start) this.#heldMark = this.#heldLength + mark - start;
    this.#held.set(bytes.subarray(start, end), this.#heldLength);
    this.#heldLength = length;
  }

  #queue(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): void {
    const length = this.#output.length + end - start;
    if (length > this.#queueLimit) return this.close("queue full");
    const output = new Uint8Array(length);
    output.set(this.#output);
    output.set(bytes.subarray(start, end), this.#output.length);
    this.#output = output;
    this.#rewatch();
  }

  #flush(): void {
    if (this.#output.length > 0) {
      const count = sendBytes(this.fd, this.#output, this.#output.length);
      if (count < 0 && count !== -EAGAIN && count !== -EINTR) return this.close("connection error");
      this.#output = this.#output.slice(Math.max(0, count));
    }
    if (this.#output.length > 0) return;
    if (this.#closing) return this.close("closed here");
    this.#takeHeld();
    if (!this.#closed) this.#rewatch();
  }

  #rewatch(): void {
    const wanted = interest(!this.isBlocked, this.#output.length > 0);
    if (this.#closed || wanted === this.#watching) return;
    this.#watching = wanted;
    this.#reactor.rewatch(this.fd, wanted);
  }
}
