/** Writes of the log that take long: nothing is answered by them that they do not hold, and no older one stays on top of a newer one. */
import { assertEquals } from "@std/assert";
import { CHECKPOINT_PATIENCE_MS, RETRY_FIRST_MS } from "../../../daemons/cmirrord/limits.ts";
import {
  CHECKPOINT_READY,
  FLUSH,
  MARK_REGION,
  POSTSUSPEND,
} from "../../../daemons/cmirrord/ulog.ts";
import { FuzzWorld } from "../../fuzz/cmirrord_world.ts";
import { ask, diskOf, DiskWorld, echo, makeWhole, SELF, typeOf, words, written } from "./asking.ts";

const REGION = 7;
/** Before SELF and behind it in the order of nodeids: the one that writes until SELF has joined, and another one. */
const WRITER = { nodeid: 2, pid: 20, reason: 1 };
const OTHER = { nodeid: 3, pid: 20, reason: 1 };
const BITMAP_AT = 1_024;

function isCleanOn(device: Uint8Array): boolean {
  return (device[BITMAP_AT] >> REGION & 1) === 1;
}

/** A node that is alone, with all regions in sync and clean, on the device as well. */
function alone(): DiskWorld {
  const world = new DiskWorld();
  world.hearOwnJoin();
  diskOf(world).image.bytes.fill(0);
  world.machine.logRead(world.mirror, 0, 0);
  written(world);
  makeWhole(world.mirror);
  world.transfers.length = 0;
  return world;
}

Deno.test("a write of before corosync's death has ended when the node joins again, and reads the log", () => {
  const world = alone();
  ask(world, MARK_REGION, REGION);
  ask(world, FLUSH);
  world.resume = undefined;
  world.machine.lost(0, 0);
  world.machine.tick(10_000);
  assertEquals([world.mirror.phase, world.transfers], ["joining", ["write"]]);
  written(world);
  world.machine.tick(10_000 + RETRY_FIRST_MS);
  world.hearOwnJoin();
  assertEquals(world.transfers, ["write", "read beside 0"]);
});

Deno.test("a FLUSH is not answered by a write that was under way when this node could not know any more what the device holds", () => {
  const world = alone();
  ask(world, MARK_REGION, REGION);
  ask(world, FLUSH);
  assertEquals(world.transfers, ["write"]);
  // What the machine does when a node joins that is to be the server, and has marks executed by it.
  diskOf(world).unknown = true;
  world.mirror.log.touched = false;
  world.frames.length = 0;
  ask(world, MARK_REGION, REGION + 1);
  world.mirror.log.touched = false;
  ask(world, FLUSH);
  const answered = world.frames.length;
  world.machine.logWritten(world.mirror, 0, 0);
  assertEquals(world.transfers, ["write", "write"]);
  // The first FLUSH, and not the second.
  assertEquals(world.frames.length, answered + 1);
  written(world);
  assertEquals(world.frames.length, answered + 2);
});

/** The checkpoint that a member with everything in sync and clean gives to `world`. */
function checkpointFor(world: FuzzWorld): Uint8Array<ArrayBuffer> {
  const giver = new FuzzWorld([]);
  makeWhole(giver.mirror);
  giver.messages.length = 0;
  giver.machine.configure(0, [SELF, WRITER], [], [{ ...WRITER, reason: 4 }], 0);
  giver.machine.dispatched(0, 0);
  const bytes = giver.messages.find((message) => typeOf(message) === CHECKPOINT_READY);
  if (bytes === undefined) throw new Error("no checkpoint");
  const view = new DataView(bytes.buffer);
  view.setUint32(16, SELF.nodeid, true);
  view.setUint32(184 + view.getUint32(180, true) + 4, world.mirror.generation, true);
  return bytes;
}

Deno.test("a server that has not waited for an older one to the end writes all again when that one's writes have landed", () => {
  const world = new DiskWorld();
  world.machine.configure(0, [SELF, WRITER, OTHER], [], [SELF], 10_000);
  if (world.resume === undefined) throw new Error("no RESUME");
  world.deliver(SELF.nodeid, SELF.pid, world.resume);
  const checkpoint = checkpointFor(world);
  world.deliver(OTHER.nodeid, OTHER.pid, checkpoint.slice());
  echo(world);
  written(world);
  assertEquals([world.mirror.phase, [...world.mirror.writers]], ["valid", [WRITER.nodeid]]);
  ask(world, MARK_REGION, REGION);
  ask(world, FLUSH);
  echo(world);
  assertEquals(world.transfers, []);

  world.machine.tick(10_001 + CHECKPOINT_PATIENCE_MS);
  written(world);
  assertEquals([world.transfers, isCleanOn(world.device)], [["write"], false]);

  world.device.fill(0xff, BITMAP_AT, BITMAP_AT + words(0).length);
  world.deliver(WRITER.nodeid, WRITER.pid, checkpoint.slice());
  world.machine.tick(60_000);
  echo(world);
  written(world);
  assertEquals([world.transfers, isCleanOn(world.device)], [["write", "write"], false]);
});

Deno.test("what was begun to be read before corosync's death is not taken for what stands there when the node joins again", () => {
  const world = new DiskWorld();
  world.hearOwnJoin();
  assertEquals([world.mirror.phase, world.transfers], ["loading", ["read beside 0"]]);
  world.resume = undefined;
  world.machine.lost(0, 0);
  world.machine.tick(20_000);
  world.hearOwnJoin();
  assertEquals([world.mirror.phase, world.transfers.length], ["joining", 1]);
  world.machine.logRead(world.mirror, 0, 20_000);
  world.machine.tick(20_000 + RETRY_FIRST_MS);
  world.hearOwnJoin();
  assertEquals([world.mirror.phase, world.transfers.length], ["loading", 2]);
  world.machine.logRead(world.mirror, 0, 30_000);
  written(world);
  assertEquals(world.mirror.phase, "valid");
});

Deno.test("a suspend while corosync is away waits for the write that is under way: it must not land on what the next table writes", () => {
  const world = alone();
  ask(world, MARK_REGION, REGION);
  ask(world, FLUSH);
  world.machine.lost(0, 0);
  world.frames.length = 0;
  ask(world, POSTSUSPEND);
  assertEquals([world.mirror.phase, world.frames.length], ["joining", 0]);
  written(world);
  // The kernel asks again.
  ask(world, POSTSUSPEND);
  assertEquals([world.mirror.phase, world.frames.length], ["pending", 1]);
});
