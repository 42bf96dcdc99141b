/** Whose bits count when a log in memory goes on: never those of a node that knows that others have gone on without it. */
import { assertEquals } from "@std/assert";
import { FuzzWorld, PEER, REGIONS } from "../../fuzz/cmirrord_world.ts";
import { ask, echo, makeWhole, resumeAlone, SELF, suspend } from "./asking.ts";
import { POSTSUSPEND, RESUME } from "../../../daemons/cmirrord/ulog.ts";

const OTHER = { nodeid: PEER, pid: 20, reason: 1 };

function whole(joined: readonly number[] = []): FuzzWorld {
  const world = new FuzzWorld(joined);
  makeWhole(world.mirror);
  return world;
}

/** Suspended by its last member; then another one was in the group when this node joined again, and was cut off before it was told. */
function cutOffWhileJoining(world: FuzzWorld): void {
  world.machine.configure(0, [OTHER, SELF], [], [SELF], 0);
  assertEquals(world.mirror.phase, "invalid");
  world.machine.lost(0, 0);
}

function comeBackAlone(world: FuzzWorld): void {
  world.resume = undefined;
  world.machine.tick(30_000);
  world.hearOwnJoin();
}

Deno.test("who loses corosync while it leaves, and others are there, was not the last one", () => {
  const world = whole([PEER]);
  world.messages.length = 0;
  ask(world, POSTSUSPEND);
  echo(world);
  assertEquals(world.mirror.phase, "leaving");
  world.machine.lost(0, 0);
  assertEquals([world.mirror.phase, world.mirror.keeps], ["pending", "nothing"]);
  resumeAlone(world);
  assertEquals([world.mirror.phase, world.mirror.log.sync.count], ["valid", 0]);
});

Deno.test("who loses corosync while it leaves, alone, was the last one, and goes on with its bits", () => {
  const world = whole();
  world.messages.length = 0;
  ask(world, POSTSUSPEND);
  echo(world);
  world.machine.lost(0, 0);
  resumeAlone(world);
  assertEquals([world.mirror.phase, world.mirror.log.sync.count], ["valid", REGIONS]);
});

Deno.test("the last one that was suspended goes on with its bits, but not when it has met another one since, and was cut off", () => {
  for (const hasMet of [false, true]) {
    const world = whole();
    suspend(world, []);
    if (!hasMet) resumeAlone(world);
    else {
      ask(world, RESUME);
      cutOffWhileJoining(world);
      comeBackAlone(world);
    }
    const { phase, log } = world.mirror;
    assertEquals([phase, log.sync.count], ["valid", hasMet ? 0 : REGIONS]);
  }
});

Deno.test("under a kernel that never stopped nothing is clean for who has met another one, and was cut off before it was told", () => {
  for (const hasMet of [false, true]) {
    const world = whole();
    world.machine.lost(0, 0);
    if (hasMet) {
      world.machine.tick(10_000);
      cutOffWhileJoining(world);
    }
    comeBackAlone(world);
    const { phase, log } = world.mirror;
    assertEquals([phase, log.clean.count, log.sync.count], [
      "valid",
      hasMet ? 0 : REGIONS,
      REGIONS,
    ]);
  }
});

Deno.test("nor for its next daemon, where it was killed instead", () => {
  const world = whole();
  world.machine.lost(0, 0);
  world.machine.tick(10_000);
  world.machine.configure(0, [OTHER, SELF], [], [SELF], 0);
  const { phase, log } = new FuzzWorld([], {}, world).mirror;
  assertEquals([phase, log.clean.count, log.sync.count], ["valid", 0, REGIONS]);
});
