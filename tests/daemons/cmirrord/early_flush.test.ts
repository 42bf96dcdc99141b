/** A kernel that never stopped, whose daemon is on its way into the group (DESIGN.md: a region is clean that a write may have dirtied). */
import { assertEquals } from "@std/assert";
import {
  CLEAR_REGION,
  FLUSH,
  GET_RESYNC_WORK,
  IS_REMOTE_RECOVERING,
  MARK_REGION,
  SET_REGION_SYNC,
} from "../../../daemons/cmirrord/ulog.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { FuzzWorld, ME, PEER, requestFrame } from "../../fuzz/cmirrord_world.ts";

const REGION = 7;
const SELF = { nodeid: ME, pid: 10, reason: 1 };
const OTHER = { nodeid: PEER, pid: 20, reason: 1 };

/** Asks; returns how many answers there were. */
function ask(world: FuzzWorld, type: number, ...list: number[]): number {
  const data = new Uint8Array(8 * list.length);
  list.forEach((word, index) => setU64(new DataView(data.buffer), 8 * index, word));
  world.frames.length = 0;
  world.ask(requestFrame(world.seq++, type, data));
  return world.frames.length;
}

/** The region is in sync, and clean. */
function recover(world: FuzzWorld): void {
  ask(world, IS_REMOTE_RECOVERING, REGION);
  ask(world, GET_RESYNC_WORK);
  ask(world, SET_REGION_SYNC, REGION, 1);
  ask(world, CLEAR_REGION, REGION);
}

/** What a group whose only member is PEER sends to a joiner that has sent `resume`. */
function checkpointFor(resume: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const world = new FuzzWorld([]);
  recover(world);
  world.machine.setSelf(PEER);
  world.messages.length = 0;
  world.machine.configure(0, [SELF, OTHER], [], [SELF], 0);
  world.deliver(ME, SELF.pid, resume.slice());
  world.machine.dispatched(0, 0);
  return world.messages[0];
}

/** The daemon after one that has died in sync; corosync does not let it join yet. */
function restarted(): FuzzWorld {
  const earlier = new FuzzWorld([]);
  recover(earlier);
  const world = new FuzzWorld([], { joins: false }, earlier);
  assertEquals([world.mirror.phase, world.mirror.keeps], ["joining", "live"]);
  return world;
}

function letJoin(world: FuzzWorld): void {
  world.joins = true;
  world.machine.tick(10_000);
  assertEquals(world.mirror.phase, "invalid");
}

/** What the node has sent so far is delivered to it. */
function hearOwn(world: FuzzWorld): void {
  for (const message of world.messages.splice(0)) world.deliver(ME, SELF.pid, message);
}

/** The group of PEER takes the node in. Whether the region was clean when FLUSH was answered. */
function wasCleanWhenFlushed(world: FuzzWorld): boolean {
  const checkpoint = checkpointFor(world.resume as Uint8Array<ArrayBuffer>);
  world.machine.configure(0, [SELF, OTHER], [], [SELF], 0);
  hearOwn(world);
  world.deliver(PEER, OTHER.pid, checkpoint);
  world.machine.dispatched(0, 0);
  const { log } = world.mirror;
  assertEquals([log.resumed, log.sync.has(REGION)], [true, true]);
  for (let round = 0; world.frames.length === 0 && round < 3; round++) hearOwn(world);
  assertEquals(world.frames.length, 1);
  return log.clean.has(REGION);
}

Deno.test("a FLUSH that comes when the group is joined is answered behind the marks of before, which the group has not heard of", () => {
  const world = restarted();
  assertEquals(ask(world, MARK_REGION, REGION), 1);
  letJoin(world);
  assertEquals(ask(world, FLUSH), 0);
  assertEquals(wasCleanWhenFlushed(world), false);
});

Deno.test("a FLUSH that comes before the group is joined is answered behind the marks, too", () => {
  const world = restarted();
  ask(world, MARK_REGION, REGION);
  assertEquals(ask(world, FLUSH), 0);
  letJoin(world);
  assertEquals(wasCleanWhenFlushed(world), false);
});

Deno.test("marks of a node that has joined, and has no state yet, are in the group before their FLUSH is answered", () => {
  const world = restarted();
  letJoin(world);
  ask(world, MARK_REGION, REGION);
  assertEquals(ask(world, FLUSH), 0);
  assertEquals(wasCleanWhenFlushed(world), false);
});
