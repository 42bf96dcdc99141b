/** What tests of one machine have in common: requests of its kernel, the group's echo, the log device. */
import type { DiskLog, Mirror } from "../../../daemons/cmirrord/mirror.ts";
import type { Member } from "../../../daemons/cmirrord/membership.ts";
import { CHECKPOINT_READY, POSTSUSPEND, RESUME } from "../../../daemons/cmirrord/ulog.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { FuzzWorld, ME, PEER, requestFrame } from "../../fuzz/cmirrord_world.ts";

/** This node, as corosync lists it when it joins. */
export const SELF = { nodeid: ME, pid: 10, reason: 1 };

/** Where in a message are whom it is for, its request type, how long its data are, and they themselves. */
const ORIGINATOR_AT = 16;
const TYPE_AT = 176;
const SIZE_AT = 180;
const DATA_AT = 184;

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

/**
 * The checkpoint that a member sends for its group to a node that meets it after a partition, as if it were for `to`, which has joined. What
 * `from` knows is as it stands.
 */
export function checkpointOf(from: FuzzWorld, to: FuzzWorld): Uint8Array<ArrayBuffer> {
  const other = { nodeid: PEER, pid: 20, reason: 4 };
  from.messages.length = 0;
  from.machine.configure(0, [SELF, other], [], [other], 0);
  from.machine.dispatched(0, 0);
  const bytes = from.messages.find((message) => typeOf(message) === CHECKPOINT_READY);
  if (bytes === undefined) throw new Error("no checkpoint");
  const view = new DataView(bytes.buffer);
  view.setUint32(ORIGINATOR_AT, ME, true);
  view.setUint32(DATA_AT + view.getUint32(SIZE_AT, true) + 4, to.mirror.generation, true);
  return bytes;
}

/** This node joins a group that PEER is in, and is given the state of `from`. */
export function joinOther(world: FuzzWorld, from: FuzzWorld): void {
  world.machine.configure(0, [SELF, { nodeid: PEER, pid: 20, reason: 1 }], [], [SELF], 0);
  if (world.resume === undefined) throw new Error("no RESUME");
  world.deliver(ME, SELF.pid, world.resume);
  world.deliver(PEER, 20, checkpointOf(from, world));
  world.machine.dispatched(0, 0);
}

/** Suspended, after which the group has these members. */
export function suspend(world: FuzzWorld, members: Member[]): void {
  world.messages.length = 0;
  ask(world, POSTSUSPEND);
  echo(world);
  world.machine.configure(0, members, [{ ...SELF, reason: 2 }], [], 0);
}

/** Resumed, and alone in the group. */
export function resumeAlone(world: FuzzWorld): void {
  world.resume = undefined;
  ask(world, RESUME);
  world.machine.tick(10_000);
  world.hearOwnJoin();
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
  constructor(log = "clustered-disk 253:0") {
    super([], { log, joins: false });
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
