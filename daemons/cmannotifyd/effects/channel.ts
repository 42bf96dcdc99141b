/** One end of the socket between the daemon and its runner, in the reactor. */
import { EAGAIN, ECONNRESET, EINTR, EPIPE } from "../../../ffi/errno.ts";
import { closeDescriptor, readDescriptor } from "../../../ffi/file.ts";
import { sendBytes } from "../../../ffi/socket.ts";
import { EPOLLIN, interest, type Reactor } from "../../../src/host/reactor.ts";
import { MESSAGE_MAX_BYTES } from "../limits.ts";

export interface ChannelEvents {
  /** The bytes are overwritten by the next message. */
  message(bytes: Uint8Array): void;
  /** The other side is gone; nothing further comes. */
  closed(): void;
}

export class Channel {
  readonly #buffer = new Uint8Array(MESSAGE_MAX_BYTES);
  /** Those that the socket could not take yet; few, since each side waits for the other after a few messages. */
  readonly #waiting: Uint8Array<ArrayBuffer>[] = [];
  #isOpen = true;
  /** Whether the reactor tells when the socket takes more. */
  #awaitsRoom = false;

  constructor(
    private readonly reactor: Reactor,
    private readonly fd: number,
    private readonly events: ChannelEvents,
  ) {
    reactor.watch(fd, EPOLLIN, () => this.#ready());
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    this.#waiting.push(bytes);
    this.#flush();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.reactor.unwatch(this.fd);
    closeDescriptor(this.fd);
  }

  #ready(): void {
    this.#flush();
    while (this.#isOpen) {
      const count = readDescriptor(this.fd, this.#buffer);
      if (count === -EAGAIN) return;
      if (count === -EINTR) continue;
      if (count > 0) this.events.message(this.#buffer.subarray(0, count));
      else if (this.#isOpen) {
        this.close();
        this.events.closed();
      }
    }
  }

  #flush(): void {
    while (this.#isOpen && this.#waiting.length > 0) {
      const [first] = this.#waiting;
      const count = sendBytes(this.fd, first, first.length);
      if (count === -EINTR) continue;
      if (count === -EAGAIN) break;
      // A reader that is gone is what reading tells of, behind all that was still said.
      const isGone = count === -EPIPE || count === -ECONNRESET;
      if (count < 0 && !isGone) return this.#lose();
      this.#waiting.shift();
    }
    this.#awaitRoom(this.#waiting.length > 0);
  }

  /** The socket refuses a message (EMSGSIZE, ENOBUFS): whoever waits for the answer would wait for ever. */
  #lose(): void {
    this.close();
    this.reactor.defer(() => this.events.closed());
  }

  #awaitRoom(on: boolean): void {
    if (!this.#isOpen || on === this.#awaitsRoom) return;
    this.#awaitsRoom = on;
    this.reactor.rewatch(this.fd, interest(true, on));
  }
}
