/**
 * The control socket that every daemon has: a Unix stream socket for its own administrator.
 *
 * A request is one line of UTF-8, words separated by blanks, such as `status` or `loglevel 2`. The answer is a line
 * `STATUS LENGTH` and LENGTH bytes of UTF-8: text, or one JSON document. STATUS is `ok`; `refused` (the request is wrong; the bytes
 * say why); or `failed` (the daemon could not answer it). Requests are answered in order, as many as a client sends.
 *
 * Served are the daemon's own user and root. Everything is bounded, and reaching a bound ends that one connection.
 */
import { effectiveUserId } from "../../ffi/process.ts";
import { closeDescriptor } from "../../ffi/file.ts";
import { peerCredentials } from "../../ffi/socket.ts";
import { bindListener, Listener } from "./listener.ts";
import { type Logger, logger } from "./log.ts";
import type { Reactor, Timer } from "./reactor.ts";
import { Stream } from "./stream.ts";

/** The longest request, its line end included. */
export const REQUEST_MAX_BYTES = 1_024;
/** A longer answer is refused: some 50,000 locks. */
export const ANSWER_MAX_BYTES = 16 << 20;
/** Clients at a time; the next one is closed at once. */
export const CONTROL_CLIENTS_MAX = 8;
/** A client is closed so long after its last request, be it that it asks nothing or that it does not read. */
export const CONTROL_IDLE_MS = 10_000;
const BACKLOG = 16;
const SOCKET_MODE = 0o600;

/** Thrown by an answer() for a request with wrong words; the client gets the message. */
export class ControlError extends Error {
  override name = "ControlError";
}

export interface ControlRequest {
  /** What follows the name, such as `[LEVEL]`; "" for nothing. */
  readonly usage: string;
  readonly help: string;
  /** Called with the words behind the name. Throws ControlError. */
  answer(words: readonly string[]): string;
}

export type ControlRequests = Readonly<Record<string, ControlRequest>>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NEWLINE = 0x0a;

/** The socket that root and the daemon's own user ask. */
export class ControlSocket {
  readonly #log: Logger;
  readonly #listener: Listener;
  readonly #clients = new Set<Client>();
  readonly #requests: ControlRequests;

  /** Binds `path` and serves at once. Throws SocketInUseError, NotASocketError, Errno, RangeError (path too long). */
  constructor(
    private readonly reactor: Reactor,
    readonly path: string,
    requests: ControlRequests,
    identifier: string,
  ) {
    this.#log = logger(identifier, "control");
    this.#requests = { help: helpRequest(requests), ...requests };
    const fd = bindListener(path, SOCKET_MODE, BACKLOG);
    const events = {
      accepted: (client: number): void => this.#accepted(client),
      exhausted: (): void => {},
    };
    this.#listener = new Listener(reactor, fd, events, true);
    this.#listener.enable(true);
  }

  get clientCount(): number {
    return this.#clients.size;
  }

  /** Closes the connections and removes the socket file. */
  close(): void {
    this.#listener.close();
    for (const client of [...this.#clients]) client.close();
  }

  #accepted(fd: number): void {
    if (this.#clients.size >= CONTROL_CLIENTS_MAX || !this.#mayAsk(fd)) return closeDescriptor(fd);
    const client = new Client(this.reactor, fd, (line) => this.#answer(line), () => {
      this.#clients.delete(client);
    });
    this.#clients.add(client);
  }

  #mayAsk(fd: number): boolean {
    const { uid, pid } = peerCredentials(fd);
    if (uid === 0 || uid === effectiveUserId()) return true;
    this.#log.warn("control client refused: user {uid}, process {pid}", { uid, pid });
    return false;
  }

  #answer(line: string): Uint8Array<ArrayBuffer> {
    const [name, ...words] = line.split(" ").filter((word) => word !== "");
    try {
      if (!Object.hasOwn(this.#requests, name ?? "")) {
        throw new ControlError(`no request "${name ?? ""}": ask for "help"`);
      }
      return encodeAnswer("ok", this.#requests[name].answer(words));
    } catch (error) {
      if (error instanceof ControlError) return encodeAnswer("refused", error.message);
      this.#log.error("cannot answer {request}: {error}", { request: line, error });
      return encodeAnswer("failed", error instanceof Error ? error.message : String(error));
    }
  }
}

/** One connection: lines in, answers out. */
class Client {
  readonly #stream: Stream;
  #idle: Timer | undefined;

  constructor(
    private readonly reactor: Reactor,
    fd: number,
    private readonly answer: (line: string) => Uint8Array<ArrayBuffer>,
    private readonly gone: () => void,
  ) {
    const handler = {
      data: (bytes: Uint8Array, _view: DataView, start: number, end: number): number =>
        this.#data(bytes, start, end),
      closed: (): void => {
        reactor.cancel(this.#idle);
        this.gone();
      },
    };
    this.#stream = new Stream(reactor, fd, handler, ANSWER_MAX_BYTES + REQUEST_MAX_BYTES);
    this.#restartIdle();
  }

  close(): void {
    this.#stream.close("closed here");
  }

  #data(bytes: Uint8Array, start: number, end: number): number {
    let taken = 0;
    while (!this.#stream.isBlocked) {
      const rest = bytes.subarray(start + taken, end);
      const length = rest.indexOf(NEWLINE);
      if (length + 1 > REQUEST_MAX_BYTES || (length < 0 && rest.length >= REQUEST_MAX_BYTES)) {
        this.#stream.close("protocol error");
        break;
      }
      if (length < 0) break;
      taken += length + 1;
      this.#restartIdle();
      const answer = this.answer(decoder.decode(rest.subarray(0, length)));
      this.#stream.send(answer, answer.length);
    }
    return taken;
  }

  #restartIdle(): void {
    this.reactor.cancel(this.#idle);
    this.#idle = this.reactor.after(CONTROL_IDLE_MS, () => this.close());
  }
}

type AnswerStatus = "ok" | "refused" | "failed";

function encodeAnswer(status: AnswerStatus, text: string): Uint8Array<ArrayBuffer> {
  const body = encoder.encode(text);
  if (body.length > ANSWER_MAX_BYTES) {
    return encodeAnswer("failed", `the answer is longer than ${ANSWER_MAX_BYTES} bytes`);
  }
  const head = encoder.encode(`${status} ${body.length}\n`);
  const answer = new Uint8Array(head.length + body.length);
  answer.set(head);
  answer.set(body, head.length);
  return answer;
}

function helpRequest(requests: ControlRequests): ControlRequest {
  const lines = Object.entries(requests).map(([name, { usage, help }]) =>
    `${name}${usage === "" ? "" : ` ${usage}`}: ${help}\n`
  );
  return { usage: "", help: "this list", answer: () => lines.join("") };
}
