/** What tests of one machine have in common: requests of its kernel, the group's echo, the log device. */
import type { DiskLog, Mirror } from "../../../daemons/cmirrord/mirror.ts";
import { CHECKPOINT_READY } from "../../../daemons/cmirrord/ulog.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { FuzzWorld, ME, requestFrame } from "../../fuzz/cmirrord_world.ts";

/** This node, as corosync lists it when it joins. */
export const SELF = { nodeid: ME, pid: 10, reason: 1 };

/** Where in a message its request type is, and how long its data. */
const TYPE_AT = 176;

/** Words of 64 bits. */
export function words(...list: number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8 * list.length);
  list.forEach((word, index) => setU64(new DataView(bytes.buffer), 8 * index, word));
  return bytes;
}

export function ask(world: FuzzWorld, type: number, ...list: number[]): void {
  world.ask(requestFrame(world.seq++, type, words(...list)));
}

export function typeOf({ buffer }: Uint8Array<ArrayBuffer>): number {
  return new DataView(buffer).getUint32(TYPE_AT, true);
}

/** The group delivers what this node has sent. */
export function echo(world: FuzzWorld): void {
  for (const message of world.messages.splice(0)) {
    if (typeOf(message) !== CHECKPOINT_READY) world.deliver(ME, SELF.pid, message);
  }
  world.machine.dispatched(0, 0);
}

/** All regions are in sync and clean. */
export function makeWhole({ log }: Mirror): void {
  for (const bits of [log.sync, log.clean]) {
    bits.fill();
    bits.clearTail();
  }
  log.syncCount = log.sync.count;
}

export function diskOf({ mirror }: FuzzWorld): DiskLog {
  return mirror.disk as DiskLog;
}

/** The device takes all that it was given. */
export function written(world: FuzzWorld): void {
  while (diskOf(world).writing > 0) world.machine.logWritten(world.mirror, 0, 0);
}

/** What became of a log on disk, in order; writes end when the test says so. */
export class DiskWorld extends FuzzWorld {
  readonly device = new Uint8Array(4096);
  readonly transfers: string[] = [];

  /** A mirror with a log on disk that is in no group yet. */
  constructor() {
    super([], { log: "clustered-disk 253:0", joins: false });
    this.machine.logOpened(this.mirror, 0, "253:0");
    this.joins = true;
    this.machine.tick(10_000);
  }

  override readLog(): void {
    this.transfers.push(`read beside ${diskOf(this).writing}`);
  }

  override writeLog(_: Mirror, image: Uint8Array, offset: number, length: number): void {
    this.transfers.push("write");
    this.device.set(image.subarray(offset, offset + length), offset);
  }
}
