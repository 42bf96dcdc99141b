/** A datagram socket of a test's own, in the place of a log daemon's. */
import { closeDescriptor } from "../../../ffi/file.ts";
import { bindUnix, Receiver, unixDatagram } from "../../../ffi/socket.ts";

export class DatagramServer implements Disposable {
  readonly #directory = Deno.makeTempDirSync();
  readonly path = `${this.#directory}/log`;
  readonly #fd = unixDatagram();
  readonly #receiver = new Receiver(1 << 18);

  constructor() {
    bindUnix(this.#fd, this.path);
  }

  /** The next datagram, or undefined when there is none. */
  next(): Uint8Array<ArrayBuffer> | undefined {
    const count = this.#receiver.receive(this.#fd, 0, this.#receiver.buffer.length);
    return count < 0 ? undefined : this.#receiver.buffer.slice(0, count);
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.#fd);
    Deno.removeSync(this.#directory, { recursive: true });
  }
}
