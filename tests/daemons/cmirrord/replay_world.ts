/** The machine in a world that writes down what it does to kernel, group and log device, in the words of a capture. */
import { Machine } from "../../../daemons/cmirrord/machine.ts";
import type { Mirror } from "../../../daemons/cmirrord/mirror.ts";
import type { Port } from "../../../daemons/cmirrord/port.ts";
import type { Line } from "./vectors.ts";

/** The devices of the captured machine; others with a colon are not there, others without are no block devices. */
const devices: Readonly<Record<string, string>> = { "253:0": "253:0", "/dev/vdc": "254:32" };

function openError(device: string): number {
  if (device in devices) return 0;
  return device.includes(":") ? -2 : -22;
}

/** What a disk has been asked and has not answered. */
type DiskWork =
  | { readonly kind: "open"; readonly mirror: Mirror; readonly device: string }
  | { readonly kind: "read"; readonly mirror: Mirror; readonly image: Uint8Array }
  | { readonly kind: "write"; readonly mirror: Mirror };

export class ReplayWorld implements Port {
  readonly machine: Machine;
  /** What the machine did since the last input: `tokernel HEX`, `mcast H HEX` … */
  readonly outputs: string[] = [];
  /** The log device as it is now. */
  readonly device = new Uint8Array(1 << 16);
  nowMs = 0;
  #handles = 0;
  readonly #work: DiskWork[] = [];

  constructor(pid: number, original: boolean, private readonly content: () => Uint8Array) {
    this.machine = new Machine(this, pid, original);
  }

  /** Gives the machine an input line and returns what it did until it was idle. */
  take(line: Line): string[] {
    this.outputs.length = 0;
    this.#feed(line);
    for (let work = this.#work.shift(); work !== undefined; work = this.#work.shift()) {
      this.#finish(work);
    }
    return [...this.outputs];
  }

  #feed(line: Line): void {
    const { machine, nowMs } = this;
    if (line.dir === "confchg") {
      return machine.configure(line.h, line.members, line.left, line.joined, nowMs);
    }
    if (line.dir === "dispatched") return machine.dispatched(line.h, nowMs);
    const bytes = Uint8Array.fromHex(line.hex);
    const view = new DataView(bytes.buffer);
    if (line.dir === "fromkernel") machine.fromKernel(bytes, view, bytes.length, nowMs);
    else machine.deliver(line.h, line.nodeid, line.pid, bytes, view, bytes.length, nowMs);
  }

  #finish(work: DiskWork): void {
    const { machine, nowMs } = this;
    if (work.kind === "open") {
      const error = openError(work.device);
      if (error === 0) this.outputs.push("diskopen");
      machine.logOpened(work.mirror, error, devices[work.device] ?? "");
    } else if (work.kind === "read") {
      this.outputs.push("diskread");
      work.image.set(this.content().subarray(0, work.image.length));
      machine.logRead(work.mirror, 0, nowMs);
    } else machine.logWritten(work.mirror, 0, nowMs);
  }

  toKernel(bytes: Uint8Array, length: number): void {
    this.outputs.push(`tokernel ${bytes.subarray(0, length).toHex()}`);
  }
  initialize(): number {
    this.outputs.push(`cpg_initialize ${this.#handles}`);
    return this.#handles++;
  }
  join(handle: number, name: Uint8Array): number {
    this.outputs.push(`cpg_join ${handle} ${name.toHex()}`);
    return 1;
  }
  leave(handle: number): number {
    this.outputs.push(`cpg_leave ${handle}`);
    return 1;
  }
  finalize(handle: number): number {
    this.outputs.push(`cpg_finalize ${handle}`);
    return 1;
  }
  multicast(handle: number, bytes: Uint8Array, length: number): number {
    this.outputs.push(`mcast ${handle} ${bytes.subarray(0, length).toHex()}`);
    return 1;
  }
  openLog(mirror: Mirror, device: string): void {
    this.#work.push({ kind: "open", mirror, device });
  }
  closeLog(): void {}
  readLog(mirror: Mirror, image: Uint8Array): void {
    this.#work.push({ kind: "read", mirror, image });
  }
  writeLog(mirror: Mirror, image: Uint8Array, offset: number, length: number): void {
    this.device.set(image.subarray(offset, offset + length), offset);
    this.outputs.push(`diskwrite ${trimmed(this.device)}`);
    this.#work.push({ kind: "write", mirror });
  }
  state(_identity: Uint8Array, bytes: number): Uint8Array {
    return new Uint8Array(bytes);
  }
  dropState(): void {}
  say(): void {}
}

/** The first 4096 bytes without the zeros at their end, as captures have it. */
export function trimmed(content: Uint8Array): string {
  let end = 4096;
  while (end > 0 && content[end - 1] === 0) end--;
  return content.subarray(0, end).toHex();
}

/** An output line of a capture in our words. */
export function outputOf(line: Line): string {
  switch (line.dir) {
    case "tokernel":
      return `tokernel ${line.hex}`;
    case "mcast":
      return `mcast ${line.h} ${line.hex}`;
    case "cpg_join":
      return `cpg_join ${line.h} ${line.name}`;
    case "diskwrite":
      return `diskwrite ${line.hex}`;
    case "diskopen":
    case "diskread":
      return line.dir;
    default:
      return `${line.dir} ${line.h}`;
  }
}
