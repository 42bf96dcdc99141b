/** inotify(7): events on files and directories. */
import { type ByteString, decodeBytes, toBytes } from "../src/wire/bytes.ts";
import { layout } from "../src/wire/layout.ts";
import { check, errno } from "./errno.ts";
import { closeDescriptor, readDescriptor } from "./file.ts";
import { libc } from "./libc.ts";

export const IN_MODIFY = 0x2;
export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_CLOSE_NOWRITE = 0x10;
export const IN_OPEN = 0x20;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
export const IN_UNMOUNT = 0x2000;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
const IN_NONBLOCK = 0o4000;
const IN_CLOEXEC = 0o2000000;

const INOTIFY_EVENT = layout("struct inotify_event", {
  wd: "i32",
  mask: "u32",
  cookie: "u32",
  len: "u32",
});

export const CONSTANTS = { IN_NONBLOCK, IN_CLOEXEC };
export const STRUCTS = [INOTIFY_EVENT];

export interface InotifyEvent {
  /** The watch; −1 for IN_Q_OVERFLOW. */
  readonly watch: number;
  readonly mask: number;
  /** The entry of a watched directory, "" for the watched file itself. */
  readonly name: ByteString;
}

/** Room for many events: one takes 16 bytes and, in a directory, up to 256 of a name. */
const BUFFER_BYTES = 16_384;

/** One inotify instance with its reused buffer. */
export class Inotify {
  readonly fd: number;
  readonly #buffer = new Uint8Array(BUFFER_BYTES);
  readonly #view = new DataView(this.#buffer.buffer);

  /** Throws Errno (EMFILE: fs.inotify.max_user_instances). */
  constructor() {
    this.fd = check(libc.inotify_init1(IN_NONBLOCK | IN_CLOEXEC), "inotify_init1");
  }

  /** Watches what is at a path; the watch or −errno (ENOSPC: fs.inotify.max_user_watches). */
  add(path: ByteString, mask: number): number {
    const watch = libc.inotify_add_watch(this.fd, toBytes(`${path}\0`), mask);
    return watch < 0 ? -errno() : watch;
  }

  /** Ends a watch, which may be gone already. */
  remove(watch: number): void {
    libc.inotify_rm_watch(this.fd, watch);
  }

  /** What has happened since the last call, as far as it fits the buffer; empty when nothing has. */
  read(): InotifyEvent[] {
    const count = readDescriptor(this.fd, this.#buffer);
    const events: InotifyEvent[] = [];
    for (let at = 0; at + INOTIFY_EVENT.size <= count;) {
      const start = at + INOTIFY_EVENT.size;
      const length = this.#view.getUint32(at + INOTIFY_EVENT.at.len, true);
      const nul = this.#buffer.indexOf(0, start);
      const end = length === 0 ? start : Math.min(nul < 0 ? count : nul, start + length);
      events.push({
        watch: this.#view.getInt32(at + INOTIFY_EVENT.at.wd, true),
        mask: this.#view.getUint32(at + INOTIFY_EVENT.at.mask, true),
        name: decodeBytes(this.#buffer, start, end),
      });
      at = start + length;
    }
    return events;
  }

  close(): void {
    closeDescriptor(this.fd);
  }
}
