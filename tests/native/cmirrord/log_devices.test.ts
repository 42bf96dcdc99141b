/** Log devices, on a real block device. */
import { assertEquals } from "@std/assert";
import "../../bind_libc.ts";
import { parseConstruction } from "../../../daemons/cmirrord/constructor.ts";
import { BITMAP_AT, LOG_BLOCK_BYTES } from "../../../daemons/cmirrord/disk_log.ts";
import { Counters } from "../../../daemons/cmirrord/effects/counters.ts";
import { LogDevices } from "../../../daemons/cmirrord/effects/log_devices.ts";
import { LOG_TRANSFERS } from "../../../daemons/cmirrord/limits.ts";
import { IDENTITY_BYTES, Mirror } from "../../../daemons/cmirrord/mirror.ts";
import { stateBytes } from "../../../daemons/cmirrord/mirror_state.ts";
import { UUID_AT } from "../../../daemons/cmirrord/ulog.ts";
import { Reactor } from "../../../src/host/reactor.ts";
import { toBytes } from "../../../src/wire/bytes.ts";
import { Loop, loopTest } from "../mdmpd/helpers/loop.ts";

/** More than are asked of io_setup(2) at a time. */
const BLOCKS = LOG_TRANSFERS + 36;
const REGIONS = 8 * (BLOCKS * LOG_BLOCK_BYTES - BITMAP_AT);
/** What a loop device takes for so many blocks, and much more. */
const SETTLE_MS = 500;
const PATIENCE_MS = 10_000;

function mirrorOn(device: string): Mirror {
  const construction = parseConstruction(`${REGIONS} clustered-disk ${device} 1`);
  if (typeof construction === "number") throw new Error("no such table");
  const identity = new Uint8Array(IDENTITY_BYTES);
  identity.set(toBytes("LVM-many"), UUID_AT);
  return new Mirror(identity, new Uint8Array(stateBytes(REGIONS)), construction, false);
}

/** Writes each block of the log at once; with what each of them has ended, when all have or the time is up. */
function writeAll(device: string): number[] {
  const reactor = new Reactor();
  const ended: number[] = [];
  const devices = new LogDevices(reactor, new Counters(() => [], () => reactor.now()), {
    logOpened: (_mirror, error) => assertEquals(error, 0),
    logRead: () => {},
    logWritten: (_mirror, error) => {
      ended.push(error);
      if (ended.length === BLOCKS) reactor.stop();
    },
  });
  const mirror = mirrorOn(device);
  devices.open(mirror, device);
  reactor.turn(0);
  const image = mirror.disk?.image.bytes ?? new Uint8Array();
  for (let block = 0; block < BLOCKS; block++) {
    devices.write(mirror, image, block * LOG_BLOCK_BYTES, LOG_BLOCK_BYTES);
  }
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SETTLE_MS);
  reactor.after(PATIENCE_MS, () => reactor.stop());
  reactor.run();
  devices.close(mirror);
  return ended;
}

loopTest(
  "the end of each write is told when more have ended at once than one look at the device shows",
  async (folder) => {
    await using loop = await Loop.over(folder, "log", BLOCKS * LOG_BLOCK_BYTES);
    assertEquals(writeAll(loop.node), new Array(BLOCKS).fill(0));
  },
);
