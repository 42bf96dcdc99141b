/** Answers to the kernel: a frame is built in one buffer and handed to the port at once. */
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
  readonly #bytes = new Uint8Array(FRAME_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #frame: ConnectorFrame = { seq: 0, ack: 0, payloadBytes: 0 };

  constructor(private readonly port: Port, private readonly pid: number) {}

  /** A short acknowledgement: no request in it. `ack`: 0, or a positive error number. */
  ack(seq: number, ack: number): void {
    this.#send(seq, ack, 0);
  }

  /** An answer without data. */
  error(request: Request, error: number): void {
    this.#reply(request, error, 0);
  }

  words(request: Request, answer: Answer): void {
    if (answer.error !== 0) return this.#reply(request, answer.error, 0);
    if (answer.words > 0) setU64(this.#view, DATA_AT, answer.first);
    if (answer.words > 1) setU64(this.#view, DATA_AT + 8, answer.second);
    this.#reply(request, 0, 8 * answer.words);
  }

  text(request: Request, text: ByteString): void {
    encodeBytes(text, this.#bytes, DATA_AT);
    this.#reply(request, 0, text.length);
  }

  /** An error with as much room in it as its caller has, so that the call can be repeated (see KERNEL in DESIGN.md). */
  zeros(request: Request, error: number, dataBytes: number): void {
    this.#bytes.fill(0, DATA_AT, DATA_AT + dataBytes);
    this.#reply(request, error, dataBytes);
  }

  /** Hands on the server's response. */
  forward(response: Request): void {
    const { bytes, data, dataBytes, error } = response;
    for (let i = 0; i < dataBytes; i++) this.#bytes[DATA_AT + i] = bytes[data + i];
    this.#reply(response, error, dataBytes);
  }

  /** The request's own 160 bytes go back, with the outcome in them; the data stand in their place already. */
  #reply({ bytes, base, type }: Request, error: number, dataBytes: number): void {
    for (let i = 0; i < ULOG_BYTES; i++) this.#bytes[CONNECTOR_HEADER_BYTES + i] = bytes[base + i];
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
