/** What the kernel repeats, and the one number that it may not have. */
import { assert, assertEquals } from "@std/assert";
import { EAGAIN } from "../../../daemons/cmirrord/errors.ts";
import {
  FLUSH,
  GET_RESYNC_WORK,
  MARK_REGION,
  STATUS_INFO,
} from "../../../daemons/cmirrord/ulog.ts";
import { FuzzWorld, requestFrame } from "../../fuzz/cmirrord_world.ts";
import { DiskWorld, makeWhole, words, written } from "./asking.ts";

/** DM_ULOG_RETRY_TIMEOUT of dm-log-userspace-transfer.c. */
const REPEATED_MS = 15_000;
/** Where a frame of the connector has its `ack`. */
const ACK_AT = 28;

function askAt(world: FuzzWorld, nowMs: number, type: number, ...list: number[]): void {
  const frame = requestFrame(world.seq++, type, words(...list));
  world.machine.fromKernel(frame, new DataView(frame.buffer), frame.length, nowMs);
}

/** A mirror whose corosync has died and does not come back. */
function withoutGroup(): FuzzWorld {
  const world = new FuzzWorld([]);
  world.joins = false;
  world.machine.lost(0, 0);
  return world;
}

Deno.test("requests that the kernel has repeated do not pile up while there is no group", () => {
  const world = withoutGroup();
  for (let now = 0; now < 86_400_000; now += REPEATED_MS) askAt(world, now, STATUS_INFO);
  const { working } = world.mirror;
  assert(working.length <= 2, `${working.length} wait`);
  assertEquals(working.at(-1)?.request.seq, world.seq - 1);
  assertEquals(world.machine.context.entries.taken, working.length);
});

Deno.test("a FLUSH that was dropped as repeated is none that was done", () => {
  const world = withoutGroup();
  askAt(world, 0, MARK_REGION, 7);
  askAt(world, 0, FLUSH);
  askAt(world, 2 * REPEATED_MS, STATUS_INFO);
  world.frames.length = 0;
  askAt(world, 2 * REPEATED_MS, FLUSH);
  assertEquals(world.frames.length, 0);
  assertEquals(world.mirror.working.filter(({ request }) => request.type === FLUSH).length, 1);
});

Deno.test("a request with the number of those that nobody waits for is asked again with the next one", () => {
  const world = new FuzzWorld([]);
  world.frames.length = 0;
  world.ask(requestFrame(0xffff_ffff, GET_RESYNC_WORK, words()));
  assertEquals(world.frames.length, 1);
  const view = new DataView(world.frames[0].buffer);
  assertEquals(view.getUint32(ACK_AT, true), EAGAIN);
});

Deno.test("FLUSHes that the kernel has repeated do not pile up while the log device hangs: other mirrors would not be served any more", () => {
  const world = new DiskWorld();
  world.hearOwnJoin();
  world.machine.logRead(world.mirror, 0, 0);
  written(world);
  makeWhole(world.mirror);
  askAt(world, 0, MARK_REGION, 7);
  for (let now = 0; now < 86_400_000; now += REPEATED_MS) askAt(world, now, FLUSH);
  const { working } = world.mirror;
  assert(working.length <= 2, `${working.length} wait`);
  written(world);
  assertEquals([working.length, world.machine.context.entries.taken], [0, 0]);
});
