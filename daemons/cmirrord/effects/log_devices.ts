/** The devices that logs are on: opened, read and written without waiting for any of them. */
import { Aio, type AioResult, BLOCK_BYTES, DirectBuffer, type Transfer } from "../../../ffi/aio.ts";
import { EAGAIN, EINTR, EIO, ENOSPC, strerror } from "../../../ffi/errno.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import { EPOLLIN, type Reactor } from "../../../src/host/reactor.ts";
import { LOG_TRANSFERS, LOG_TRANSFERS_OF_MIRROR } from "../limits.ts";
import { deviceText, neededBytes } from "../log_device.ts";
import type { Mirror } from "../mirror.ts";
import { type BlockDevice, DIRECT, openBlockDevice } from "./block_device.ts";
import type { Counters } from "./counters.ts";

/** What is told, later, of what was asked for; errors are 0 or −errno. */
export interface LogEvents {
  logOpened(mirror: Mirror, error: number, device: string): void;
  logRead(mirror: Mirror, error: number): void;
  logWritten(mirror: Mirror, error: number): void;
}

interface LogDevice extends BlockDevice {
  /** As long as the image, or as the device where that is shorter. */
  readonly buffer: DirectBuffer;
  readonly usableBytes: number;
  isOpen: boolean;
  /** Transfers that the kernel has taken. */
  underWay: number;
}

/** A transfer, and what is to be done when it has ended with 0 or −errno. */
interface Job {
  transfer: Transfer;
  readonly device: LogDevice;
  readonly done: (error: number) => void;
}

export class LogDevices {
  readonly #log: Logger = logger("cmirrord", "log");
  readonly #aio = new Aio(LOG_TRANSFERS);
  readonly #devices = new Map<Mirror, LogDevice>();
  readonly #jobs = new Map<number, Job>();
  /** Those that the kernel did not take yet, or that are too many of one mirror: a device that hangs leaves room for the others. */
  #waiting: Job[] = [];
  #tags = 0;

  constructor(
    private readonly reactor: Reactor,
    private readonly counters: Counters,
    private readonly events: LogEvents,
  ) {
    reactor.watch(this.#aio.fd, EPOLLIN, () => this.#ended());
  }

  open(mirror: Mirror, text: string): void {
    const device = openBlockDevice(text, DIRECT);
    const error = typeof device === "number" ? device : this.#keep(mirror, device);
    if (error < 0) {
      this.#log.error("cannot use log device {text}: {error}", { text, error: strerror(-error) });
    }
    const number = typeof device === "number" ? "" : deviceText(device.number);
    this.reactor.defer(() => this.events.logOpened(mirror, error, number));
  }

  #keep(mirror: Mirror, device: BlockDevice): number {
    const length = (mirror.disk as NonNullable<Mirror["disk"]>).image.bytes.length;
    const usableBytes = Math.min(length, device.sizeBytes);
    if (usableBytes < neededBytes(mirror.log.regionCount)) {
      closeDescriptor(device.fd);
      return -ENOSPC;
    }
    const buffer = new DirectBuffer(Math.ceil(length / BLOCK_BYTES));
    this.#devices.set(mirror, { ...device, buffer, usableBytes, isOpen: true, underWay: 0 });
    return 0;
  }

  close(mirror: Mirror): void {
    const device = this.#devices.get(mirror);
    if (device === undefined) return;
    this.#devices.delete(mirror);
    device.isOpen = false;
    closeDescriptor(device.fd);
  }

  read(mirror: Mirror, image: Uint8Array): void {
    const device = this.#devices.get(mirror);
    if (device === undefined) return this.reactor.defer(() => this.events.logRead(mirror, -EIO));
    const { fd, buffer, usableBytes } = device;
    const transfer = { kind: "read", fd, buffer, at: 0, length: usableBytes, offset: 0 } as const;
    this.#begin(device, transfer, (error) => {
      if (error === 0) image.set(buffer.bytes.subarray(0, usableBytes));
      this.events.logRead(mirror, error);
    });
  }

  /** A part of the image, in whole blocks. */
  write(mirror: Mirror, image: Uint8Array, offset: number, length: number): void {
    const device = this.#devices.get(mirror);
    if (device === undefined) return this.reactor.defer(() => this.events.logWritten(mirror, -EIO));
    const { fd, buffer, usableBytes } = device;
    const part = Math.min(length, usableBytes - offset);
    buffer.bytes.set(image.subarray(offset, offset + part), offset);
    this.counters.logWrites.add();
    this.counters.logBytes.add(part);
    const transfer = { kind: "write", fd, buffer, at: offset, length: part, offset } as const;
    this.#begin(device, transfer, (error) => this.events.logWritten(mirror, error));
  }

  #begin(device: LogDevice, transfer: Omit<Transfer, "tag">, done: Job["done"]): void {
    this.#submit({ device, transfer: { ...transfer, tag: ++this.#tags }, done });
  }

  #submit(job: Job): void {
    const { device, transfer } = job;
    // Its mirror is gone, and the number of the descriptor may be that of another log by now.
    if (!device.isOpen) return;
    const code = device.underWay < LOG_TRANSFERS_OF_MIRROR ? this.#aio.submit(transfer) : -EAGAIN;
    if (code === -EAGAIN && this.#jobs.size > 0) this.#waiting.push(job);
    else if (code < 0) this.reactor.defer(() => job.done(code));
    else {
      device.underWay++;
      this.#jobs.set(transfer.tag, job);
    }
  }

  #ended(): void {
    // io_setup(2) lets more be under way than it was asked for; and the descriptor, once read, says nothing of those that are left.
    let ended: AioResult[];
    do {
      ended = this.#aio.wait(0);
      for (const result of ended) this.#end(result);
    } while (ended.length === LOG_TRANSFERS);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const job of waiting) this.#submit(job);
  }

  #end({ tag, result }: AioResult): void {
    const job = this.#jobs.get(tag);
    this.#jobs.delete(tag);
    if (job === undefined) return;
    const { transfer } = job;
    job.device.underWay--;
    const rest = transfer.length - result;
    if (result < 0 && result !== -EINTR) job.done(result);
    else if (rest === 0) job.done(0);
    else if (result === 0) job.done(-EIO);
    else this.#continue(job, Math.max(0, result));
  }

  /** The device took a part. */
  #continue(job: Job, part: number): void {
    const { transfer } = job;
    job.transfer = {
      ...transfer,
      at: transfer.at + part,
      offset: transfer.offset + part,
      length: transfer.length - part,
    };
    this.#submit(job);
  }
}
