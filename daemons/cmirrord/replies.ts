/**
 * Answers to the kernel, each handed to the port at once. A request that lies in the frame it came in is answered in that frame, so
 * that nothing is copied; others, which were kept, in a buffer of our own.
 */
import { type ByteString, encodeBytes } from "../../src/wire/bytes.ts";
import { setU64 } from "../../src/wire/layout.ts";
import {
  CONNECTOR_HEADER_BYTES,
  type ConnectorFrame,
  encodeConnector,
} from "../../src/wire/netlink.ts";
import type { Answer } from "./log.ts";
import type { Port } from "./port.ts";
import { DM_CONNECTOR, type Request, ULOG_BYTES, writeOutcome } from "./ulog.ts";

const DATA_AT = CONNECTOR_HEADER_BYTES + ULOG_BYTES;
const FRAME_BYTES = DATA_AT + 1024;

export class KernelReplies {
  readonly #ownBytes = new Uint8Array(FRAME_BYTES);
  readonly #ownView = new DataView(this.#ownBytes.buffer);
  /** The frame that is being filled. */
  #bytes = this.#ownBytes;
  #view = this.#ownView;
  readonly #frame: ConnectorFrame = { seq: 0, ack: 0, payloadBytes: 0 };

  constructor(private readonly port: Port, private readonly pid: number) {}

  /** A short acknowledgement: no request in it. `ack`: 0, or a positive error number. */
  ack(seq: number, ack: number): void {
    this.#useOwn();
    this.#send(seq, ack, 0);
  }

  /** An answer without data. */
  error(request: Request, error: number): void {
    this.#begin(request, 0);
    this.#reply(request, error, 0);
  }

  words(request: Request, answer: Answer): void {
    if (answer.error !== 0) return this.error(request, answer.error);
    this.#begin(request, 8 * answer.words);
    if (answer.words > 0) setU64(this.#view, DATA_AT, answer.first);
    if (answer.words > 1) setU64(this.#view, DATA_AT + 8, answer.second);
    this.#reply(request, 0, 8 * answer.words);
  }

  text(request: Request, text: ByteString): void {
    this.#begin(request, text.length);
    encodeBytes(text, this.#bytes, DATA_AT);
    this.#reply(request, 0, text.length);
  }

  /** An error with as much room in it as its caller has, so that the call can be repeated (see KERNEL in DESIGN.md). */
  zeros(request: Request, error: number, dataBytes: number): void {
    this.#begin(request, dataBytes);
    this.#bytes.fill(0, DATA_AT, DATA_AT + dataBytes);
    this.#reply(request, error, dataBytes);
  }

  /** Hands on the server's response. */
  forward(response: Request): void {
    const { bytes, data, dataBytes, error } = response;
    this.#begin(response, dataBytes);
    for (let i = 0; i < dataBytes; i++) this.#bytes[DATA_AT + i] = bytes[data + i];
    this.#reply(response, error, dataBytes);
  }

  #useOwn(): void {
    this.#bytes = this.#ownBytes;
    this.#view = this.#ownView;
  }

  /** Chooses the frame, which the request's own 160 bytes go back in. */
  #begin({ bytes, view, base }: Request, dataBytes: number): void {
    if (base === CONNECTOR_HEADER_BYTES && bytes.length >= DATA_AT + dataBytes) {
      this.#bytes = bytes as Uint8Array<ArrayBuffer>;
      this.#view = view as DataView<ArrayBuffer>;
      return;
    }
    this.#useOwn();
    for (let i = 0; i < ULOG_BYTES; i++) this.#bytes[CONNECTOR_HEADER_BYTES + i] = bytes[base + i];
  }

  /** The outcome goes into the request; the data stand in their place already. */
  #reply({ type }: Request, error: number, dataBytes: number): void {
    writeOutcome(this.#view, CONNECTOR_HEADER_BYTES, error, type, dataBytes);
    this.#send(0, 0, ULOG_BYTES + dataBytes);
  }

  #send(seq: number, ack: number, payloadBytes: number): void {
    this.#frame.seq = seq;
    this.#frame.ack = ack;
    this.#frame.payloadBytes = payloadBytes;
    const length = encodeConnector(this.#view, DM_CONNECTOR, this.pid, this.#frame);
    this.port.toKernel(this.#bytes, length);
  }
}
