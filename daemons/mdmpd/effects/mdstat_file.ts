/**
 * /proc/mdstat: read whole, and watched.
 *
 * The kernel's notice is POLLPRI, and stays until the file is read from its beginning. When md is unloaded and loaded again, the file is
 * another one and the old one is silent for ever: a read of it fails with EIO.
 */
import { EINTR, ENOENT, Errno, strerror } from "../../../ffi/errno.ts";
import { closeDescriptor, O_CLOEXEC, O_RDONLY, openFile, readAt } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { EPOLLPRI, type Reactor, type Timer } from "../../../src/host/reactor.ts";
import { COALESCE_MS, MDSTAT_LIMIT_BYTES } from "../limits.ts";

export const MDSTAT_PATH = "/proc/mdstat";
const CHUNK_BYTES = 16_384;

/** What a read gave: the text, or why there is none. */
export type MdstatRead = { readonly text: string } | { readonly failure: string };

export class MdstatFile {
  #fd = -1;
  #pause: Timer | undefined;

  /** `changed`: called when arrays have changed, a little later, so that many notices are one. */
  constructor(private readonly reactor: Reactor, private readonly changed: () => void) {}

  /** The whole text. Watches the file from then on; after a failure, call it again later. */
  read(): MdstatRead {
    try {
      if (this.#fd < 0) this.#open();
      return { text: this.#readAll() };
    } catch (error) {
      this.close();
      if (error instanceof RangeError) return { failure: error.message };
      if (!(error instanceof Errno)) throw error;
      const why = error.code === ENOENT ? "md is not loaded" : strerror(error.code);
      return { failure: `/proc/mdstat cannot be read: ${why}` };
    }
  }

  #open(): void {
    const fd = openFile(cString(MDSTAT_PATH), O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) throw new Errno(-fd, "open", MDSTAT_PATH);
    this.#fd = fd;
    this.#watch();
  }

  #watch(): void {
    this.reactor.watch(this.#fd, EPOLLPRI, () => this.#noticed());
  }

  /** The notice stays until the file is read, so nothing is watched meanwhile. */
  #noticed(): void {
    this.reactor.unwatch(this.#fd);
    this.#pause = this.reactor.after(COALESCE_MS, () => {
      this.#pause = undefined;
      if (this.#fd >= 0) this.#watch();
      this.changed();
    });
  }

  /** One read returns about a page, however much is asked for. */
  #readAll(): string {
    const decoder = new TextDecoder();
    const buffer = new Uint8Array(CHUNK_BYTES);
    let text = "";
    for (let at = 0;;) {
      const count = readAt(this.#fd, buffer, at);
      if (count === -EINTR) continue;
      if (count < 0) throw new Errno(-count, "read", MDSTAT_PATH);
      if (count === 0) return text;
      text += decoder.decode(buffer.subarray(0, count), { stream: true });
      at += count;
      if (at > MDSTAT_LIMIT_BYTES) throw new RangeError("/proc/mdstat is too long");
    }
  }

  close(): void {
    if (this.#fd < 0) return;
    this.reactor.cancel(this.#pause);
    this.#pause = undefined;
    this.reactor.unwatch(this.#fd);
    closeDescriptor(this.#fd);
    this.#fd = -1;
  }
}
