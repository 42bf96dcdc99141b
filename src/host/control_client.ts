/** Asking a running daemon over its control socket, for the subcommands of its program. Synchronous; bounded in time and size. */
import { EACCES, EAGAIN, ECONNRESET, EPIPE, Errno } from "../../ffi/errno.ts";
import { closeDescriptor, readDescriptor } from "../../ffi/file.ts";
import { pollDescriptor, POLLIN } from "../../ffi/poll.ts";
import { sendBytes } from "../../ffi/socket.ts";
import { ANSWER_MAX_BYTES, REQUEST_MAX_BYTES } from "./control.ts";
import {
  EX_IOERR,
  EX_NOPERM,
  EX_PROTOCOL,
  EX_SOFTWARE,
  EX_TEMPFAIL,
  EX_UNAVAILABLE,
  EX_USAGE,
  ExitError,
} from "./exit.ts";
import { connectTo, isNobodyThere } from "./listener.ts";

/** How long the daemon may be silent. */
const SILENCE_MAX_MS = 5_000;
const CHUNK_BYTES = 65_536;
const HEAD_MAX_BYTES = 32;
const NEWLINE = 0x0a;

/**
 * Sends one request and returns the answer's text. Throws ExitError: EX_UNAVAILABLE where no daemon runs, EX_NOPERM, EX_USAGE with
 * the daemon's own words, EX_SOFTWARE where it could not answer, EX_TEMPFAIL where it is too busy, EX_PROTOCOL, EX_IOERR.
 */
export function askDaemon(path: string, request: string): string {
  const bytes = new TextEncoder().encode(request + "\n");
  if (bytes.length > REQUEST_MAX_BYTES || request.includes("\n")) {
    throw new ExitError(
      EX_USAGE,
      `the request is longer than a line of ${REQUEST_MAX_BYTES} bytes`,
    );
  }
  const fd = connectToDaemon(path);
  try {
    const count = sendBytes(fd, bytes, bytes.length);
    if (count < 0 && count !== -EPIPE) throw new Errno(-count, "send", path);
    return decodeAnswer(new AnswerReader(fd, path));
  } catch (error) {
    if (error instanceof Errno) throw new ExitError(EX_IOERR, error.message, { cause: error });
    throw error;
  } finally {
    closeDescriptor(fd);
  }
}

function connectToDaemon(path: string): number {
  try {
    return connectTo(path, false);
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    if (isNobodyThere(error)) {
      throw new ExitError(EX_UNAVAILABLE, `no daemon answers at "${path}"`, { cause: error });
    }
    if (error.code === EAGAIN) throw busy(path);
    const code = error.code === EACCES ? EX_NOPERM : EX_IOERR;
    throw new ExitError(code, error.message, { cause: error });
  }
}

function busy(path: string): ExitError {
  return new ExitError(EX_TEMPFAIL, `the daemon at "${path}" is too busy to answer`);
}

function decodeAnswer(reader: AnswerReader): string {
  const head = /^(ok|refused|failed) (\d+)$/.exec(reader.line());
  if (head === null) throw new ExitError(EX_PROTOCOL, `"${reader.path}" is no control socket`);
  const [, status, length] = head;
  const text = reader.text(Number(length));
  if (status === "ok") return text;
  throw new ExitError(status === "refused" ? EX_USAGE : EX_SOFTWARE, text);
}

class AnswerReader {
  #bytes = new Uint8Array(CHUNK_BYTES);
  #at = 0;
  #end = 0;

  constructor(private readonly fd: number, readonly path: string) {}

  /** The first line, without its end. */
  line(): string {
    let length = -1;
    while ((length = this.#bytes.subarray(0, this.#end).indexOf(NEWLINE)) < 0) {
      if (this.#end > HEAD_MAX_BYTES) return "";
      this.#receive();
    }
    this.#at = length + 1;
    return new TextDecoder().decode(this.#bytes.subarray(0, length));
  }

  text(length: number): string {
    if (length > ANSWER_MAX_BYTES) throw new ExitError(EX_PROTOCOL, "the answer is too long");
    while (this.#end - this.#at < length) this.#receive();
    return new TextDecoder().decode(this.#bytes.subarray(this.#at, this.#at + length));
  }

  #receive(): void {
    if (this.#end === this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#end);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    const count = this.#receiveOnce();
    if (count > 0) this.#end += count;
    else if (count === 0 || count === -ECONNRESET) {
      const reason = "it takes no more control clients, or none of this user";
      throw new ExitError(EX_TEMPFAIL, `the daemon at "${this.path}" hung up: ${reason}`);
    } else throw new Errno(-count, "read", this.path);
  }

  #receiveOnce(): number {
    for (;;) {
      const count = readDescriptor(this.fd, this.#bytes.subarray(this.#end));
      if (count !== -EAGAIN) return count;
      if (pollDescriptor(this.fd, POLLIN, SILENCE_MAX_MS) === 0) throw busy(this.path);
    }
  }
}
