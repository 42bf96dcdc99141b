/**
 * One client's connection: frames out of the stream, answers into it.
 *
 * A frame is used where it lies in the receive buffer, if it is there whole. Two kinds are set aside: one that is longer than
 * anything its program can mean (the tail is dropped as it comes), and one that announces descriptors (each follows on a byte
 * of its own).
 */
import type { Reactor, Timer } from "../../../src/host/reactor.ts";
import { type CloseReason, Stream, type StreamHandler } from "../../../src/host/stream.ts";
import {
  beginFrame,
  CALL,
  CALL_WITH_FDS,
  decodeHeader,
  emptyHeader,
  encodeError,
  endFrame,
  ERROR,
  FRAME_MAX_BYTES,
  FRAME_MIN_BYTES,
  type Header,
  KEEPALIVE_PING,
  KEEPALIVE_PONG,
  KEEPALIVE_PROGRAM,
  KEEPALIVE_VERSION,
  LENGTH_BYTES,
  MAX_MESSAGE_DESCRIPTORS,
  MESSAGE,
  OK,
  REPLY,
  type RpcError,
} from "../../../src/wire/rpc.ts";
import { XdrReader, XdrWriter } from "../../../src/wire/xdr.ts";
import { unexpectedStatus, unknownProgram } from "../errors.ts";
import { OUTPUT_LIMIT_BYTES, STALL_CHECK_MS } from "../limits.ts";

/** What a call led to: `again` leaves the frame where it is, to be tried once more after resume(). */
export type Answer = "answered" | "again";

/** The program that a connection speaks, besides keepalive. */
export interface Program {
  readonly program: number;
  readonly version: number;
  /** Bytes of a frame that can matter. */
  readonly keepBytes: number;
  /** Answers one call, whose payload the reader stands at. */
  call(connection: Connection, header: Header, reader: XdrReader): Answer;
  /** The connection is gone; its descriptor is still open. */
  closed(connection: Connection, reason: CloseReason): void;
  /** Whether a connection may be dropped when its peer stalls. */
  mayDrop(connection: Connection): boolean;
}

/** A frame that waits for the rest of itself, or for its descriptors. */
export interface Aside {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the frame still to come, which are dropped. */
  skip: number;
  /** Descriptors still to come; −1 until the frame is complete. */
  descriptors: number;
}

const header = emptyHeader();
const reader = new XdrReader();
/** The one outgoing frame; whoever answers writes it here. */
export const writer = new XdrWriter(16_384);

export class Connection implements StreamHandler {
  readonly stream: Stream;
  #aside: Aside | undefined;
  #stall: Timer | undefined;
  /** Frames dealt with, and how many there were when the watch for a stalled peer began. */
  #frames = 0;
  #framesAtLook = 0;

  constructor(
    private readonly reactor: Reactor,
    readonly fd: number,
    private readonly program: Program,
  ) {
    this.stream = new Stream(reactor, fd, this, OUTPUT_LIMIT_BYTES);
  }

  /** A frame set aside, for the state of a re-exec. */
  get aside(): Aside | undefined {
    return this.#aside;
  }

  /** Whether nothing is half received or unsent. */
  get isAtBorder(): boolean {
    return this.#aside === undefined && !this.stream.holdsInput && !this.stream.holdsOutput;
  }

  /** How many bytes are half received or unsent. */
  get halfDoneBytes(): number {
    return this.stream.heldBytes + (this.#aside?.bytes.length ?? 0);
  }

  /** Puts back what a predecessor had received and not sent. */
  restore(
    input: Uint8Array<ArrayBuffer>,
    output: Uint8Array<ArrayBuffer>,
    aside: Aside | undefined,
  ): void {
    this.#aside = aside;
    this.stream.restore(input, output);
    if (aside?.skip === 0 && aside.descriptors === 0) this.resume();
    else this.stream.resume();
    this.#watchStall();
  }

  data(
    bytes: Uint8Array<ArrayBuffer>,
    view: DataView,
    start: number,
    end: number,
    marked: number,
  ): number {
    let at = start;
    while (at < end && !this.stream.isBlocked) {
      const taken = this.#aside === undefined
        ? this.#frame(bytes, view, at, end)
        : this.#furtherAside(at, end, marked);
      if (taken === 0) break;
      at += taken;
    }
    if (at < end || this.#aside !== undefined) this.#watchStall();
    return at - start;
  }

  closed(reason: CloseReason): void {
    this.reactor.cancel(this.#stall);
    this.program.closed(this, reason);
  }

  /** Sends what the shared writer holds. */
  sendWritten(): void {
    this.stream.send(writer.bytes, writer.length);
    if (!this.stream.isBlocked) return;
    // A reply that is not read has its own full term, whatever was half done before.
    this.reactor.cancel(this.#stall);
    this.#stall = undefined;
    this.#watchStall();
  }

  replyOk(to: Header): void {
    beginFrame(writer, to, REPLY, OK);
    endFrame(writer);
    this.sendWritten();
  }

  replyError(to: Header, error: RpcError): void {
    beginFrame(writer, to, REPLY, ERROR);
    encodeError(writer, error);
    endFrame(writer);
    this.sendWritten();
  }

  /** Deals with the frame at `at`; the bytes taken, 0 to wait for more or to be called again. */
  #frame(bytes: Uint8Array<ArrayBuffer>, view: DataView, at: number, end: number): number {
    const available = end - at;
    if (available < LENGTH_BYTES) return 0;
    const length = view.getUint32(at);
    if (length < LENGTH_BYTES || length > FRAME_MAX_BYTES) return this.#protocolError();
    if (available >= length) return this.#wholeFrame(bytes, view, at, length);
    if (available < this.program.keepBytes || length <= this.program.keepBytes) return 0;
    this.#aside = { bytes: bytes.slice(at, end), skip: length - available, descriptors: -1 };
    return available;
  }

  #protocolError(): number {
    this.stream.close("protocol error");
    return 0;
  }

  #wholeFrame(bytes: Uint8Array<ArrayBuffer>, view: DataView, at: number, length: number): number {
    if (length < FRAME_MIN_BYTES) return this.#protocolError();
    decodeHeader(view, at, header);
    if (header.type === CALL_WITH_FDS) {
      this.#aside = { bytes: bytes.slice(at, at + length), skip: 0, descriptors: -1 };
      return this.#descriptorsAnnounced() ? length : 0;
    }
    reader.reset(bytes, view, at + FRAME_MIN_BYTES, at + length);
    return this.#dispatch() === "again" ? 0 : length;
  }

  /** Feeds a frame set aside: first its tail, then its descriptors. */
  #furtherAside(at: number, end: number, marked: number): number {
    const aside = this.#aside as Aside;
    if (aside.skip > 0) {
      const taken = Math.min(aside.skip, end - at);
      aside.skip -= taken;
      if (aside.skip === 0) this.#descriptorsAnnounced();
      return taken;
    }
    if (at !== marked) return this.#protocolError();
    aside.descriptors--;
    this.#runAside();
    return 1;
  }

  /** Reads how many descriptors follow a frame set aside; false when that breaks the protocol. */
  #descriptorsAnnounced(): boolean {
    const aside = this.#aside as Aside;
    const view = new DataView(aside.bytes.buffer);
    decodeHeader(view, 0, header);
    if (header.type !== CALL_WITH_FDS) aside.descriptors = 0;
    else if (aside.bytes.length >= FRAME_MIN_BYTES + 4) {
      aside.descriptors = view.getUint32(FRAME_MIN_BYTES);
    }
    if (aside.descriptors < 0 || aside.descriptors > MAX_MESSAGE_DESCRIPTORS) {
      this.#protocolError();
      return false;
    }
    this.#runAside();
    return true;
  }

  /** Runs a frame set aside once everything is there. */
  #runAside(): void {
    const aside = this.#aside as Aside;
    if (aside.descriptors > 0) return;
    const view = new DataView(aside.bytes.buffer);
    decodeHeader(view, 0, header);
    const start = FRAME_MIN_BYTES + (header.type === CALL_WITH_FDS ? 4 : 0);
    reader.reset(aside.bytes, view, start, aside.bytes.length);
    if (this.#dispatch() === "answered") this.#aside = undefined;
  }

  /** Tries once more a frame that was set aside and told to come again. */
  resume(): void {
    if (this.stream.isClosed) return;
    if (this.#aside !== undefined) this.#runAside();
    if (this.#aside === undefined) this.stream.resume();
  }

  #dispatch(): Answer {
    this.#frames++;
    if (
      header.program === KEEPALIVE_PROGRAM && header.version === KEEPALIVE_VERSION &&
      header.type === MESSAGE
    ) {
      return this.#keepalive();
    }
    if (header.type !== CALL && header.type !== CALL_WITH_FDS) return "answered";
    if (header.program !== this.program.program || header.version !== this.program.version) {
      this.replyError(header, unknownProgram(header.program, header.version));
      return "answered";
    }
    if (header.status !== OK) {
      this.replyError(header, unexpectedStatus(header.status));
      return "answered";
    }
    return this.program.call(this, header, reader);
  }

  #keepalive(): Answer {
    if (header.procedure !== KEEPALIVE_PING) return "answered";
    header.procedure = KEEPALIVE_PONG;
    header.serial = 0;
    beginFrame(writer, header, MESSAGE, OK);
    endFrame(writer);
    this.sendWritten();
    return "answered";
  }

  /** Has the connection looked at again later, because something is half done. */
  #watchStall(): void {
    if (this.#stall !== undefined || this.stream.isClosed) return;
    this.#framesAtLook = this.#frames;
    this.#stall = this.reactor.after(STALL_CHECK_MS, () => this.#checkStall());
  }

  /** Drops a peer that completed nothing since the watch began. Waiting for somebody else's lease is not its fault. */
  #checkStall(): void {
    this.#stall = undefined;
    if (this.isAtBorder) return;
    const stalled = this.#framesAtLook === this.#frames && !this.stream.isPaused;
    if (stalled && this.program.mayDrop(this)) return this.stream.close("stalled");
    this.#watchStall();
  }
}
