/** Leaving a group that corosync does not let go of at once. */
import { assertEquals } from "@std/assert";
import { RETRY_FIRST_MS } from "../../../daemons/cmirrord/limits.ts";
import { POSTSUSPEND } from "../../../daemons/cmirrord/ulog.ts";
import { FuzzWorld } from "../../fuzz/cmirrord_world.ts";
import { ask, echo, SELF } from "./asking.ts";

const CS_OK = 1;
const CS_ERR_TRY_AGAIN = 6;

class LeavingWorld extends FuzzWorld {
  statuses: number[] = [];
  asked = 0;

  override leave(): number {
    this.asked++;
    return this.statuses.shift() ?? CS_OK;
  }
}

Deno.test("a leave that corosync refuses while it forms a ring is repeated until it is taken, and the suspend ends", () => {
  const world = new LeavingWorld([]);
  world.statuses = [CS_ERR_TRY_AGAIN, CS_ERR_TRY_AGAIN, CS_ERR_TRY_AGAIN];
  world.frames.length = 0;
  world.messages.length = 0;
  ask(world, POSTSUSPEND);
  echo(world);
  assertEquals([world.mirror.phase, world.mirror.hasLeft], ["leaving", false]);
  const dueMs: (number | undefined)[] = [];
  for (let now = 0; !world.mirror.hasLeft && now < 10 * RETRY_FIRST_MS; now += RETRY_FIRST_MS) {
    dueMs.push(world.machine.nextDueMs());
    world.machine.tick(now + RETRY_FIRST_MS);
  }
  // Two attempts were made at the POSTSUSPEND, and at the end of its round.
  assertEquals(dueMs, [RETRY_FIRST_MS, 2 * RETRY_FIRST_MS]);
  assertEquals([world.asked, world.mirror.hasLeft], [4, true]);
  assertEquals(world.machine.nextDueMs(), undefined);
  world.machine.configure(0, [], [{ ...SELF, reason: 2 }], [], 0);
  assertEquals([world.mirror.phase, world.frames.length], ["pending", 1]);
});
