/** A small client of virtlockd, independent of the code under test: bytes out, bytes in. */
import * as frames from "./client_frames.ts";

/** What has come in on one connection and was not taken yet. */
export class Inbox {
  /** Counts arrivals and the end of the stream; two equal readings mean nothing happened. */
  activity = 0;
  closed = false;
  /** With room for more, so that a frame of megabytes is not copied once for each of its pieces. */
  #bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  readonly #waiting = new Set<() => void>();

  push(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
    this.#wake();
  }

  end(): void {
    this.closed = true;
    this.#wake();
  }

  /** The next whole frame; undefined while there is none. */
  takeFrame(): Uint8Array | undefined {
    const length = this.#frameLength();
    if (length === undefined || this.#length < length) return undefined;
    return this.#take(length);
  }

  takeRest(): Uint8Array {
    return this.#take(this.#length);
  }

  /** Resolves at the next arrival or end, or after `ms` milliseconds. */
  async change(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#waiting.add(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiting.delete(resolve);
  }

  /** The next whole frame, or undefined if the stream ends or `ms` milliseconds pass without one. */
  async frameWithin(ms: number): Promise<Uint8Array | undefined> {
    const deadline = performance.now() + ms;
    for (;;) {
      const frame = this.takeFrame();
      const left = deadline - performance.now();
      if (frame || this.closed || left <= 0) return frame;
      await this.change(left);
    }
  }

  #frameLength(): number | undefined {
    if (this.#length < frames.LENGTH_BYTES) return undefined;
    const length = new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getUint32(0);
    return length >= frames.LENGTH_BYTES ? length : undefined;
  }

  #take(length: number): Uint8Array {
    const taken = this.#bytes.slice(0, length);
    this.#bytes.copyWithin(0, length, this.#length);
    this.#length -= length;
    return taken;
  }

  #wake(): void {
    this.activity++;
    for (const resolve of this.#waiting) resolve();
  }
}

/** One connection to the daemon, whoever holds it. Writing to a closed one is no error. */
export interface Connection {
  readonly inbox: Inbox;
  send(bytes: Uint8Array): Promise<void>;
  /** shutdown(SHUT_WR) */
  halfClose(): Promise<void>;
  close(): Promise<void>;
}

/** A connection of the test process itself. */
export class Client implements Connection, AsyncDisposable {
  readonly inbox = new Inbox();
  readonly #socket: Deno.Conn;
  readonly #reading: Promise<void>;

  private constructor(socket: Deno.Conn) {
    this.#socket = socket;
    this.#reading = this.#read();
  }

  /** Throws the error of Deno.connect: NotFound, ConnectionRefused, PermissionDenied. */
  static async connect(path: string): Promise<Client> {
    return new Client(await Deno.connect({ transport: "unix", path }));
  }

  async send(bytes: Uint8Array): Promise<void> {
    await ignoringBrokenPipe(async () => {
      for (let sent = 0; sent < bytes.length;) {
        sent += await this.#socket.write(bytes.subarray(sent));
      }
    });
  }

  /** Sends one frame and gives the reply; undefined if the connection ends or `ms` milliseconds pass first. */
  async call(bytes: Uint8Array, ms = 10_000): Promise<Uint8Array | undefined> {
    await this.send(bytes);
    return await this.inbox.frameWithin(ms);
  }

  async halfClose(): Promise<void> {
    await ignoringBrokenPipe(() => this.#socket.closeWrite());
  }

  async close(): Promise<void> {
    try {
      this.#socket.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    await this.#reading;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65536);
    try {
      for (let n; (n = await this.#socket.read(buffer)) !== null;) {
        this.inbox.push(buffer.slice(0, n));
      }
    } catch (error) {
      if (!isEndOfStream(error)) throw error;
    }
    this.inbox.end();
  }
}

/** A reset is how a close with unread bytes looks from here; the others mean we closed it. */
function isEndOfStream(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
}

async function ignoringBrokenPipe(write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    const gone = error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.NotConnected;
    if (!gone) throw error;
  }
}
