/** Log devices, on a real block device. */
import { assertEquals } from "@std/assert";
import "../../bind_libc.ts";
import { parseConstruction } from "../../../daemons/cmirrord/constructor.ts";
import { BITMAP_AT, LOG_BLOCK_BYTES } from "../../../daemons/cmirrord/disk_log.ts";
import { Counters } from "../../../daemons/cmirrord/effects/counters.ts";
import { LogDevices } from "../../../daemons/cmirrord/effects/log_devices.ts";
import { LOG_TRANSFERS, LOG_TRANSFERS_OF_MIRROR } from "../../../daemons/cmirrord/limits.ts";
import { IDENTITY_BYTES, Mirror } from "../../../daemons/cmirrord/mirror.ts";
import { stateBytes } from "../../../daemons/cmirrord/mirror_state.ts";
import { UUID_AT } from "../../../daemons/cmirrord/ulog.ts";
import { Aio, type Transfer } from "../../../ffi/aio.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { toBytes } from "../../../src/wire/bytes.ts";
import { Loop, loopTest } from "../mdmpd/helpers/loop.ts";

/** So many mirrors with as many blocks as one may write at a time are more than io_setup(2) is asked for; one with so many would be, too. */
const BLOCKS = LOG_TRANSFERS_OF_MIRROR;
const MIRRORS = LOG_TRANSFERS / BLOCKS + 4;
const MANY_BLOCKS = 4 * LOG_TRANSFERS;
/** What a loop device takes for so many blocks, and much more. */
const SETTLE_MS = 500;
const PATIENCE_MS = 10_000;

function mirrorOn(device: string, blocks: number): Mirror {
  const regions = 8 * (blocks * LOG_BLOCK_BYTES - BITMAP_AT);
  const construction = parseConstruction(`${regions} clustered-disk ${device} 1`);
  if (typeof construction === "number") throw new Error("no such table");
  const identity = new Uint8Array(IDENTITY_BYTES);
  identity.set(toBytes("LVM-many"), UUID_AT);
  return new Mirror(identity, new Uint8Array(stateBytes(regions)), construction, false);
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Counts transfers that the kernel takes, by buffer, and tells of the end of none: all devices hang. */
function hang(): Disposable & { taken: Map<unknown, number> } {
  const { wait, submit } = Aio.prototype;
  const taken = new Map<unknown, number>();
  Aio.prototype.wait = () => [];
  Aio.prototype.submit = function (transfer: Transfer): number {
    const code = submit.call(this, transfer);
    if (code === 0) taken.set(transfer.buffer, (taken.get(transfer.buffer) ?? 0) + 1);
    return code;
  };
  return { taken, [Symbol.dispose]: () => Object.assign(Aio.prototype, { wait, submit }) };
}

class Writer {
  readonly reactor = new Reactor();
  /** With what each write has ended. */
  readonly ended: number[] = [];
  readonly devices = new LogDevices(
    this.reactor,
    new Counters(() => [], () => this.reactor.now()),
    {
      logOpened: (_mirror, error) => assertEquals(error, 0),
      logRead: () => {},
      logWritten: (_mirror, error) => {
        this.ended.push(error);
      },
    },
  );

  open(device: string, blocks: number): Mirror {
    const mirror = mirrorOn(device, blocks);
    this.devices.open(mirror, device);
    this.reactor.turn(0);
    return mirror;
  }

  /** Writes each block of the log at once, filled with ones. */
  writeAll(mirror: Mirror): void {
    const image = mirror.disk?.image.bytes ?? new Uint8Array();
    image.fill(0xff);
    for (let at = 0; at < image.length; at += LOG_BLOCK_BYTES) {
      this.devices.write(mirror, image, at, LOG_BLOCK_BYTES);
    }
  }

  /** Until so many writes have ended, or the time is up. */
  runUntil(count: number): void {
    const endMs = this.reactor.now() + PATIENCE_MS;
    while (this.ended.length < count && this.reactor.now() < endMs) this.reactor.turn(SETTLE_MS);
  }
}

loopTest(
  "the end of each write is told when more have ended at once than one look at the device shows",
  async (folder) => {
    await using loop = await Loop.over(folder, "log", BLOCKS * LOG_BLOCK_BYTES);
    const writer = new Writer();
    const mirrors = Array.from({ length: MIRRORS }, () => writer.open(loop.node, BLOCKS));
    for (const mirror of mirrors) writer.writeAll(mirror);
    sleep(SETTLE_MS);
    writer.runUntil(MIRRORS * BLOCKS);
    for (const mirror of mirrors) writer.devices.close(mirror);
    assertEquals(writer.ended, new Array(MIRRORS * BLOCKS).fill(0));
  },
);

loopTest(
  "what waits to be written to the log of a mirror that is gone is not written to the log that is opened next",
  async (folder) => {
    const bytes = MANY_BLOCKS * LOG_BLOCK_BYTES;
    await using old = await Loop.over(folder, "old", bytes);
    await using next = await Loop.over(folder, "next", bytes);
    const writer = new Writer();
    const mirror = writer.open(old.node, MANY_BLOCKS);
    writer.writeAll(mirror);
    writer.devices.close(mirror);
    const other = writer.open(next.node, MANY_BLOCKS);
    for (let turn = 0; turn < 10; turn++) writer.reactor.turn(SETTLE_MS / 10);
    writer.devices.close(other);
    const written = (await Deno.readFile(next.node)).findIndex((byte) => byte !== 0);
    assertEquals([written, writer.ended.length < MANY_BLOCKS], [-1, true]);
  },
);

loopTest(
  "a device that hangs leaves room for the writes of other mirrors, however many it was given",
  async (folder) => {
    await using loop = await Loop.over(folder, "log", MANY_BLOCKS * LOG_BLOCK_BYTES);
    using hanging = hang();
    const writer = new Writer();
    const mirrors = [MANY_BLOCKS, BLOCKS].map((blocks) => writer.open(loop.node, blocks));
    for (const mirror of mirrors) writer.writeAll(mirror);
    assertEquals([...hanging.taken.values()], [BLOCKS, BLOCKS]);
    sleep(SETTLE_MS);
    for (const mirror of mirrors) writer.devices.close(mirror);
  },
);
