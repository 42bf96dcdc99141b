/** Mirrors of so many regions that nothing may be done for each of them at once, nor all of them be handed over in one call. */
import { assertEquals } from "@std/assert";
import { Bitmap } from "../../../daemons/cmirrord/bitmap.ts";
import { Marks } from "../../../daemons/cmirrord/marks.ts";
import { Recovery } from "../../../daemons/cmirrord/recovery.ts";
import { FuzzWorld, PEER } from "../../fuzz/cmirrord_world.ts";
import { joinOther } from "./asking.ts";

/** The regions that a node which asks for work is given, one after the other; each is recovered. */
function given(recovery: Recovery, sync: Bitmap, node: number, count: number): number[] {
  return Array.from({ length: count }, () => {
    const answer = { first: 0, second: 0 };
    recovery.choose(sync, node, answer);
    recovery.finish(answer.second, true, node);
    sync.set(answer.second);
    return answer.second;
  });
}

Deno.test("when a server of lvm2 has chosen a region far away, those before it are neither listed nor forgotten", () => {
  const regions = 100_000;
  const recovery = new Recovery(regions, new Marks(regions), false);
  const sync = new Bitmap(regions);
  recovery.adopt(regions - 1, PEER);
  assertEquals([recovery.region, recovery.recoverer], [regions - 1, PEER]);
  assertEquals(recovery.priority.length, 0);
  recovery.finish(regions - 1, true, PEER);
  sync.set(regions - 1);
  assertEquals(given(recovery, sync, PEER, 3), [0, 1, 2]);
});

Deno.test("a joiner takes a checkpoint with more urgent regions than a call takes arguments", () => {
  const regions = 400_000;
  const giver = new FuzzWorld([], { regions });
  const { priority } = giver.mirror.log.recovery;
  for (let region = 0; region < 300_000; region++) priority.push(region);
  const world = new FuzzWorld([], { regions, joins: false });
  world.joins = true;
  world.machine.tick(10_000);
  joinOther(world, giver);
  const { phase, log } = world.mirror;
  assertEquals([phase, log.resumed], ["valid", true]);
  assertEquals(log.recovery.priority, priority);
});
