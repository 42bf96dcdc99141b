/** A log in memory under a kernel that never stopped: what another first member may have copied meanwhile (DESIGN.md, suspect()). */
import { assertEquals } from "@std/assert";
import { mayBeAbsent } from "../../../daemons/cmirrord/alone.ts";
import {
  CLEAR_REGION,
  FLUSH,
  GET_RESYNC_WORK,
  IS_REMOTE_RECOVERING,
  MARK_REGION,
  POSTSUSPEND,
  RESUME,
  SET_REGION_SYNC,
} from "../../../daemons/cmirrord/ulog.ts";
import { FuzzWorld, ME } from "../../fuzz/cmirrord_world.ts";
import { ask } from "./asking.ts";

/** In sync, and written when the daemon goes away; the other one is at rest. */
const WRITTEN = 7;
const IDLE = 8;

function recover(world: FuzzWorld, region: number): void {
  ask(world, IS_REMOTE_RECOVERING, region);
  ask(world, GET_RESYNC_WORK);
  ask(world, SET_REGION_SYNC, region, 1);
  ask(world, CLEAR_REGION, region);
}

/** A node alone, whose kernel writes one of two regions that are in sync. */
function writing(): FuzzWorld {
  const world = new FuzzWorld([]);
  for (const region of [WRITTEN, IDLE]) recover(world, region);
  ask(world, MARK_REGION, WRITTEN);
  ask(world, FLUSH);
  return world;
}

/** The kernel has ended its write, and all that was put off is done. */
function rest(world: FuzzWorld): void {
  ask(world, CLEAR_REGION, WRITTEN);
  world.machine.tick(100_000);
}

function stateOf({ mirror: { log } }: FuzzWorld): Record<string, boolean[]> {
  const regions = [WRITTEN, IDLE];
  return {
    clean: regions.map((region) => log.clean.has(region)),
    sync: regions.map((region) => log.sync.has(region)),
  };
}

/** After kill -9, or the death of corosync. */
const AWAY: Readonly<Record<string, () => FuzzWorld>> = {
  daemon: () => new FuzzWorld([], {}, writing()),
  corosync: () => {
    const world = writing();
    world.resume = undefined;
    world.machine.lost(0, 0);
    world.machine.tick(10_000);
    world.hearOwnJoin();
    return world;
  },
};

for (const [what, comeBack] of Object.entries(AWAY)) {
  Deno.test(`a region that the kernel wrote while its ${what} was away stays dirty, though in sync, when a log in memory goes on alone`, () => {
    const world = comeBack();
    rest(world);
    assertEquals(stateOf(world), { clean: [false, true], sync: [true, true] });
  });
}

/** The mirror is suspended, and resumed. */
function reactivate(world: FuzzWorld): void {
  const self = { nodeid: ME, pid: 10, reason: 1 };
  world.messages.length = 0;
  ask(world, POSTSUSPEND);
  world.deliver(ME, self.pid, world.messages[0]);
  world.machine.configure(0, [], [self], [], 0);
  world.resume = undefined;
  ask(world, RESUME);
  world.hearOwnJoin();
}

Deno.test("such a region, and no other, is copied once more when the mirror is activated again", () => {
  const world = AWAY.daemon();
  rest(world);
  reactivate(world);
  assertEquals(stateOf(world), { clean: [false, true], sync: [false, true] });
  recover(world, WRITTEN);
  assertEquals(stateOf(world), { clean: [true, true], sync: [true, true] });
});

Deno.test("a node with such regions is alone all the same: nobody is waited for", () => {
  const world = AWAY.daemon();
  assertEquals(mayBeAbsent(world.machine.context, world.mirror), false);
});

Deno.test("a daemon that comes back under a kernel at rest takes nothing for suspect", () => {
  const earlier = writing();
  rest(earlier);
  const world = new FuzzWorld([], {}, earlier);
  assertEquals(stateOf(world), { clean: [true, true], sync: [true, true] });
});
