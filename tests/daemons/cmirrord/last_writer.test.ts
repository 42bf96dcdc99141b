/** Who has written the log last: a node that comes back alone must know whether others have been there (DESIGN.md, readLive()). */
import { assertEquals } from "@std/assert";
import { Bitmap } from "../../../daemons/cmirrord/bitmap.ts";
import { LogImage } from "../../../daemons/cmirrord/disk_log.ts";
import {
  CLEAR_REGION,
  FLUSH,
  GET_RESYNC_WORK,
  IS_REMOTE_RECOVERING,
  MARK_REGION,
  SET_REGION_SYNC,
} from "../../../daemons/cmirrord/ulog.ts";
import { FuzzWorld, ME, PEER, REGIONS } from "../../fuzz/cmirrord_world.ts";
import { ask, diskOf, written } from "./asking.ts";

/** The device gives what stands on it to the first member, and takes what that one writes. */
function load(world: FuzzWorld, device: Uint8Array): void {
  world.hearOwnJoin();
  diskOf(world).image.bytes.set(device);
  world.machine.logRead(world.mirror, 0, 0);
  written(world);
}

/** A node that is alone: region 7 in sync, dirty on the device, cleared by the kernel since. Returns what is on the device. */
function leaveDirty(world: FuzzWorld): Uint8Array {
  world.machine.logOpened(world.mirror, 0, "253:0");
  load(world, new Uint8Array(diskOf(world).image.bytes.length));
  ask(world, IS_REMOTE_RECOVERING, 7);
  ask(world, GET_RESYNC_WORK);
  ask(world, SET_REGION_SYNC, 7, 1);
  ask(world, MARK_REGION, 7);
  ask(world, FLUSH);
  written(world);
  ask(world, CLEAR_REGION, 7);
  return diskOf(world).image.bytes.slice();
}

/** corosync dies, and this node comes back alone, to that device. */
function comeBack(world: FuzzWorld, device: Uint8Array): void {
  world.resume = undefined;
  world.machine.lost(0, 0);
  world.machine.tick(10_000);
  load(world, device);
}

function newWorld(): FuzzWorld {
  return new FuzzWorld([], { log: "clustered-disk 253:0", joins: false });
}

function worldThatLeft(): { world: FuzzWorld; device: Uint8Array } {
  const world = newWorld();
  world.joins = true;
  world.machine.tick(10_000);
  return { world, device: leaveDirty(world) };
}

Deno.test("a node that comes back alone to the log as it has left it calls clean what its kernel has cleared", () => {
  const { world, device } = worldThatLeft();
  comeBack(world, device);
  const { log } = world.mirror;
  assertEquals([log.clean.has(7), log.marks.orphans.has(7)], [true, false]);
});

for (const [who, node] of [["another node", PEER], ["a daemon that does not say so", 0]] as const) {
  Deno.test(`a node that comes back alone leaves dirty what is so on a log that ${who} has written, though its bits are the same`, () => {
    const { world, device } = worldThatLeft();
    const view = new DataView(device.buffer);
    assertEquals(view.getUint32(20, true), ME);
    if (node === 0) device.fill(0, 16, 24);
    else view.setUint32(20, node, true);
    comeBack(world, device);
    const { log } = world.mirror;
    assertEquals([log.clean.has(7), log.marks.orphans.has(7)], [false, true]);
    assertEquals(diskOf(world).image.writer(), ME);
  });
}

Deno.test("a node that comes back alone copies again what it was copying while another one wrote the log", () => {
  const { world, device } = worldThatLeft();
  ask(world, GET_RESYNC_WORK);
  const { recovery, sync } = world.mirror.log;
  const { region } = recovery;
  new DataView(device.buffer).setUint32(20, PEER, true);
  comeBack(world, device);
  ask(world, SET_REGION_SYNC, region, 1);
  assertEquals([sync.has(region), recovery.priority.includes(region)], [false, true]);
});

Deno.test("LogImage says who has written it, and leaves that to others where it is not told", () => {
  const image = new LogImage(REGIONS);
  const clean = new Bitmap(REGIONS);
  image.store(clean, 0);
  assertEquals(image.writer(), 0);
  image.store(clean, 0xffff_fffe);
  assertEquals(image.writer(), 0xffff_fffe);
  image.store(clean, 0);
  assertEquals([image.writer(), image.regions()], [0xffff_fffe, REGIONS]);
  image.forget();
  assertEquals(image.writer(), 0);
});
