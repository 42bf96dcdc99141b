/** What our daemon does beside servers of lvm2. */
import { assertEquals } from "@std/assert";
import { touchServer } from "../../../daemons/cmirrord/beside_original.ts";
import { MARK_REGION } from "../../../daemons/cmirrord/ulog.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { FuzzWorld, PEER, requestFrame } from "../../fuzz/cmirrord_world.ts";

/** A valid member of two, with a log on disk, whose regions are in sync. */
function joined(): FuzzWorld {
  const world = new FuzzWorld([PEER], { log: "clustered-disk 253:0" });
  const { machine, mirror } = world;
  machine.logOpened(mirror, 0, "253:0");
  machine.logRead(mirror, 0, 0);
  machine.logWritten(mirror, 0, 0);
  mirror.log.sync.fill();
  return world;
}

function mark(world: FuzzWorld, region: number): void {
  const data = new Uint8Array(8);
  setU64(new DataView(data.buffer), 0, region);
  world.ask(requestFrame(world.seq++, MARK_REGION, data));
}

Deno.test("touchServer marks a region that nobody writes, and clears it again", () => {
  const world = joined();
  touchServer(world.machine.context, world.mirror);
  assertEquals([world.mirror.held.members(), world.mirror.idle.dueMs !== undefined], [[0], true]);
});

Deno.test("touchServer leaves a region alone whose mark the group has yet to hear", () => {
  const world = joined();
  mark(world, 0);
  assertEquals(world.mirror.log.marks.hasAny(0), false);
  touchServer(world.machine.context, world.mirror);
  assertEquals([world.mirror.held.members(), world.mirror.idle.take(Infinity)], [[0, 1], 1]);
});
