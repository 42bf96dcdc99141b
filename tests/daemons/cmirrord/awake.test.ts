/** When a join may go ahead: what is asked of corosync, and for how long its answer counts. */
import { assertEquals } from "@std/assert";
import { Awake } from "../../../daemons/cmirrord/effects/awake.ts";
import { RETRY_FIRST_MS, RETRY_LONGEST_MS } from "../../../daemons/cmirrord/limits.ts";
import { CS_ERR_LIBRARY, CS_ERR_TRY_AGAIN, CS_OK } from "../../../ffi/corosync.ts";
import type { ProbeResult } from "../../../src/host/qb_probe.ts";

class World {
  nowMs = 0;
  asked = 0;
  #done: ((result: ProbeResult) => void) | undefined;
  readonly awake = new Awake({ now: () => this.nowMs }, (done) => {
    this.asked++;
    this.#done = done;
  });

  answer(result: ProbeResult): void {
    this.#done?.(result);
    this.#done = undefined;
  }
}

for (const pauseMs of [RETRY_FIRST_MS, RETRY_LONGEST_MS]) {
  Deno.test(`Awake lets a join go ahead that is tried again after ${pauseMs} ms`, () => {
    const world = new World();
    assertEquals(world.awake.status(), CS_ERR_TRY_AGAIN);
    world.nowMs += 1;
    world.answer("answered");
    world.nowMs += pauseMs;
    assertEquals(world.awake.status(), CS_OK);
  });
}

Deno.test("Awake asks once at a time, and lets nobody go ahead while corosync is silent", () => {
  const world = new World();
  for (let i = 0; i < 5; i++) assertEquals(world.awake.status(), CS_ERR_TRY_AGAIN);
  assertEquals(world.asked, 1);
  world.answer("silent");
  assertEquals([world.awake.status(), world.asked], [CS_ERR_TRY_AGAIN, 2]);
});

Deno.test("Awake says so where there is no corosync, and notices when there is one", () => {
  const world = new World();
  world.awake.status();
  world.answer("refused");
  assertEquals(world.awake.status(), CS_ERR_LIBRARY);
  world.answer("answered");
  assertEquals(world.awake.status(), CS_OK);
});

Deno.test("Awake forgets an answer that is too old", () => {
  const world = new World();
  world.awake.status();
  world.answer("answered");
  world.nowMs += 60_000;
  assertEquals(world.awake.status(), CS_ERR_TRY_AGAIN);
});
