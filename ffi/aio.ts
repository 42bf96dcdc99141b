/**
 * Linux AIO (io_submit(2)): reads and writes that a dead device cannot make this thread wait for. Opened with O_DIRECT, a block device answers
 * past every cache; without it, io_submit would read at once and so might wait.
 *
 * A process that ends with a read under way stays until the device lets go of it: do this in a child.
 */
import { getU64, layout, setU64 } from "../src/wire/layout.ts";
import { check, Errno } from "./errno.ts";
import { closeDescriptor } from "./file.ts";
import { libc } from "./libc.ts";
import { addressOf } from "./memory.ts";
import { pollDescriptor, POLLIN } from "./poll.ts";
import { systemCall } from "./system_call.ts";

/** asm-generic/fcntl.h, and arch/arm64/include/uapi/asm/fcntl.h */
export const O_DIRECT = Deno.build.arch === "x86_64" ? 0o40000 : 0o200000;
// linux/aio_abi.h
const IOCB_CMD_PREAD = 0;
const IOCB_CMD_PWRITE = 1;
const IOCB_FLAG_RESFD = 1;
// sys/eventfd.h
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;

/** What O_DIRECT wants addresses, offsets and lengths to be multiples of, on any disk. */
export const BLOCK_BYTES = 4_096;

/** The C library names no field of the little-endian halves otherwise than linux/aio_abi.h does. */
const IOCB = layout("struct iocb", {
  aio_data: "u64",
  aio_key: "u32",
  aio_rw_flags: "i32",
  aio_lio_opcode: "u16",
  aio_reqprio: "i16",
  aio_fildes: "u32",
  aio_buf: "u64",
  aio_nbytes: "u64",
  aio_offset: "i64",
  aio_reserved2: "u64",
  aio_flags: "u32",
  aio_resfd: "u32",
});
const IO_EVENT = layout("struct io_event", { data: "u64", obj: "u64", res: "i64", res2: "i64" });

export const CONSTANTS = {
  O_DIRECT,
  IOCB_CMD_PREAD,
  IOCB_CMD_PWRITE,
  IOCB_FLAG_RESFD,
  EFD_CLOEXEC,
  EFD_NONBLOCK,
};
export const STRUCTS = [IOCB, IO_EVENT];

/** A part of a buffer, on its way from or to a device; all numbers but the tag in bytes. */
export interface Transfer {
  readonly kind: "read" | "write";
  readonly fd: number;
  readonly buffer: DirectBuffer;
  /** Where it begins in the buffer. */
  readonly at: number;
  readonly length: number;
  /** Where it begins on the device. */
  readonly offset: number;
  readonly tag: number;
}

/** A transfer that is done: its tag, and the number of bytes or −errno. */
export interface AioResult {
  readonly tag: number;
  readonly result: number;
}

/** Room for `count` blocks that O_DIRECT can read into. Never moved or given back: the kernel may write to it as long as we live. */
export class DirectBuffer {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #start: number;
  readonly #address: bigint;

  constructor(private readonly count: number) {
    this.#bytes = new Uint8Array((count + 1) * BLOCK_BYTES);
    const address = addressOf(this.#bytes);
    this.#start = Number(-address & BigInt(BLOCK_BYTES - 1));
    this.#address = address + BigInt(this.#start);
  }

  addressOf(block: number): bigint {
    return this.#address + BigInt(block * BLOCK_BYTES);
  }

  /** All of it; a view. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(this.#start, this.#start + this.count * BLOCK_BYTES);
  }

  /** What was read into a block; a view. */
  block(block: number): Uint8Array<ArrayBuffer> {
    const at = this.#start + block * BLOCK_BYTES;
    return this.#bytes.subarray(at, at + BLOCK_BYTES);
  }
}

/** A context of io_setup(2), and the eventfd that tells when its transfers are done. */
export class Aio {
  readonly #context: number;
  readonly #eventFd: number;
  readonly #events: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  /** Control blocks must stay where they are only until io_submit returns. */
  readonly #block = new Uint8Array(IOCB.size);
  readonly #blockView = new DataView(this.#block.buffer);

  /** Readable when a transfer is done. */
  get fd(): number {
    return this.#eventFd;
  }

  /** `depth`: transfers under way at a time. Throws Errno (EAGAIN: /proc/sys/fs/aio-max-nr, ENOSYS). */
  constructor(private readonly depth: number) {
    const context = new Uint8Array(8);
    const code = systemCall("io_setup", depth, context);
    if (code < 0) throw new Errno(-code, "io_setup");
    this.#context = getU64(new DataView(context.buffer), 0);
    this.#eventFd = check(libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
    this.#events = new Uint8Array(depth * IO_EVENT.size);
    this.#view = new DataView(this.#events.buffer);
  }

  /** Begins to read a block; 0 or −errno. */
  read(fd: number, buffer: DirectBuffer, block: number, offset: number, tag: number): number {
    const at = block * BLOCK_BYTES;
    return this.submit({ kind: "read", fd, buffer, at, length: BLOCK_BYTES, offset, tag });
  }

  /** Begins a transfer; 0 or −errno (EAGAIN: as many are under way as the depth allows). */
  submit({ kind, fd, buffer, at: start, length, offset, tag }: Transfer): number {
    const { at } = IOCB;
    const view = this.#blockView;
    this.#block.fill(0);
    setU64(view, at.aio_data, tag);
    view.setUint16(at.aio_lio_opcode, kind === "read" ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE, true);
    view.setUint32(at.aio_fildes, fd, true);
    view.setBigUint64(at.aio_buf, buffer.addressOf(0) + BigInt(start), true);
    setU64(view, at.aio_nbytes, length);
    setU64(view, at.aio_offset, offset);
    view.setUint32(at.aio_flags, IOCB_FLAG_RESFD, true);
    view.setUint32(at.aio_resfd, this.#eventFd, true);
    const pointers = new BigUint64Array([addressOf(this.#block)]);
    const code = systemCall("io_submit", this.#context, 1, new Uint8Array(pointers.buffer));
    return code < 0 ? code : 0;
  }

  /** Transfers that are done, after waiting for the first of them for up to `timeoutMs`. Throws Errno. */
  wait(timeoutMs: number): AioResult[] {
    pollDescriptor(this.#eventFd, POLLIN, timeoutMs);
    libc.read(this.#eventFd, new Uint8Array(8), 8);
    // The timeout is left out, which means to wait for as many as the second argument says: none.
    const count = systemCall("io_getevents", this.#context, 0, this.depth, this.#events);
    if (count < 0) throw new Errno(-count, "io_getevents");
    return Array.from({ length: count }, (_, i) => this.#result(i * IO_EVENT.size));
  }

  /** Nothing may be under way. */
  close(): void {
    systemCall("io_destroy", this.#context);
    closeDescriptor(this.#eventFd);
  }

  #result(at: number): AioResult {
    const tag = getU64(this.#view, at + IO_EVENT.at.data);
    return { tag, result: Number(this.#view.getBigInt64(at + IO_EVENT.at.res, true)) };
  }
}
