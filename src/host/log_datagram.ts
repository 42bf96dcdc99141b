/** Sending messages to a log daemon's datagram socket; both of ours take the address with each message, and so outlive its restarts. */
import { closeDescriptor } from "../../ffi/file.ts";
import { sendDatagram, type UnixAddress, unixAddress, unixDatagram } from "../../ffi/socket.ts";

/** A socket, and the address that its datagrams go to. */
export class DatagramTarget {
  readonly #fd = unixDatagram();
  readonly #address: UnixAddress;

  /** Throws Errno, RangeError (path too long). */
  constructor(path: string) {
    this.#address = unixAddress(path);
  }

  /** False when nobody takes it now. */
  send(bytes: Uint8Array<ArrayBuffer>): boolean {
    return sendDatagram(this.#fd, bytes, this.#address) === bytes.length;
  }

  close(): void {
    closeDescriptor(this.#fd);
  }
}
