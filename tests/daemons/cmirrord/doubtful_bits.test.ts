/** Bits that may not be believed: of a log that cannot be read, of the other part of a cluster, of a batch that is overwritten. */
import { assertEquals } from "@std/assert";
import { MAX_IDLE_REGIONS } from "../../../daemons/cmirrord/limits.ts";
import {
  CHECKPOINT_READY,
  CLEAR_REGION,
  CTR,
  GET_SYNC_COUNT,
  MARK_REGION,
  POSTSUSPEND,
  RESUME,
  SET_REGION_SYNC,
} from "../../../daemons/cmirrord/ulog.ts";
import { toBytes } from "../../../src/wire/bytes.ts";
import { getU64 } from "../../../src/wire/layout.ts";
import { FuzzWorld, ME, PEER, REGIONS, requestFrame } from "../../fuzz/cmirrord_world.ts";
import {
  ask,
  diskOf,
  DiskWorld,
  echo,
  joinOther,
  makeWhole,
  resumeAlone,
  SELF,
  suspend,
  typeOf,
  written,
} from "./asking.ts";

const EIO = -5;
const REGION = 7;
const BITMAP_AT = 1_024;
/** Where a frame has the first word of an answer. */
const ANSWER_AT = 196;
const OTHER = { nodeid: PEER, pid: 20, reason: 4 };

/** Clean regions after the first activation of a table with `nosync`, when reading its log has ended so. */
function cleanAfter(error: number): number {
  const world = new DiskWorld();
  world.machine.mirrors.length = 0;
  world.ask(requestFrame(50, CTR, toBytes("40960 clustered-disk 253:0 1024 nosync")));
  world.machine.logOpened(world.mirror, 0, "253:0");
  world.resume = undefined;
  world.ask(requestFrame(51, RESUME, new Uint8Array(0)));
  world.hearOwnJoin();
  world.machine.logRead(world.mirror, error, 0);
  written(world);
  return world.mirror.log.clean.count;
}

Deno.test("nosync makes a log clean that can be read, and none that cannot", () => {
  assertEquals([cleanAfter(0), cleanAfter(EIO)], [40, 0]);
});

const NOSYNC = { log: "clustered-core 1024 nosync" };

Deno.test("nosync is obeyed once: not again by a node that has had its state of others, and was told of a region that is behind", () => {
  const other = new FuzzWorld([]);
  makeWhole(other.mirror);
  other.mirror.log.sync.clear(REGION);
  const world = new FuzzWorld([], { ...NOSYNC, joins: false });
  world.joins = true;
  world.machine.tick(10_000);
  joinOther(world, other);
  const { log } = world.mirror;
  assertEquals([log.resumed, log.sync.has(REGION)], [true, false]);
  suspend(world, [OTHER]);
  resumeAlone(world);
  assertEquals([log.resumed, log.sync.count], [true, 0]);
});

Deno.test("nosync is obeyed once: not again by the next daemon of a mirror that was suspended", () => {
  const world = new FuzzWorld([], NOSYNC);
  ask(world, SET_REGION_SYNC, REGION, 0);
  assertEquals(world.mirror.log.sync.count, REGIONS - 1);
  suspend(world, []);
  const next = new FuzzWorld([], { ...NOSYNC, joins: false }, world);
  next.joins = true;
  next.machine.tick(10_000);
  next.hearOwnJoin();
  assertEquals([next.mirror.log.resumed, next.mirror.log.sync.count], [true, 0]);
});

Deno.test("nosync is obeyed once: not again by the next daemon of a mirror that is suspended before corosync is there", () => {
  const world = new FuzzWorld([], NOSYNC);
  ask(world, SET_REGION_SYNC, REGION, 0);
  const next = new FuzzWorld([], { ...NOSYNC, joins: false }, world);
  assertEquals([next.mirror.phase, next.mirror.keeps], ["joining", "live"]);
  ask(next, POSTSUSPEND);
  assertEquals(next.mirror.phase, "pending");
  next.joins = true;
  resumeAlone(next);
  assertEquals([next.mirror.log.resumed, next.mirror.log.sync.count], [true, 0]);
});

Deno.test("nosync is obeyed once: not again where no write of the log has reached the device since", () => {
  const world = new DiskWorld("clustered-disk 253:0 1024 nosync");
  const readNothing = (): void => {
    diskOf(world).image.forget();
    world.machine.logRead(world.mirror, 0, 0);
    world.machine.logWritten(world.mirror, EIO, 0);
  };
  world.hearOwnJoin();
  readNothing();
  const { log } = world.mirror;
  assertEquals([log.resumed, log.sync.count], [true, REGIONS]);
  ask(world, SET_REGION_SYNC, REGION, 0);
  suspend(world, []);
  resumeAlone(world);
  readNothing();
  assertEquals([log.resumed, log.sync.count], [true, 0]);
});

Deno.test("a kernel is not told that all is in sync, as nosync says, before the group was asked: it would ask for no work", () => {
  const world = new FuzzWorld([], { ...NOSYNC, joins: false });
  world.frames.length = 0;
  ask(world, GET_SYNC_COUNT);
  const [{ buffer }] = world.frames;
  assertEquals([getU64(new DataView(buffer), ANSWER_AT), world.mirror.log.hint], [0, 0]);
});

Deno.test("a kernel that never stopped is told how much was in sync, while its daemon waits for the group", () => {
  const world = new FuzzWorld([]);
  makeWhole(world.mirror);
  world.machine.lost(0, 0);
  world.frames.length = 0;
  ask(world, GET_SYNC_COUNT);
  const [{ buffer }] = world.frames;
  assertEquals(world.mirror.phase, "joining");
  assertEquals(getU64(new DataView(buffer), ANSWER_AT), REGIONS);
});

/** What a node sends when the parts of a cluster meet again; its kernel is writing REGION. */
function checkpointOfOther(): Uint8Array<ArrayBuffer> {
  const other = new FuzzWorld([]);
  makeWhole(other.mirror);
  other.mirror.log.mark(REGION, PEER, ME);
  other.messages.length = 0;
  other.machine.configure(0, [SELF, OTHER], [], [OTHER], 0);
  other.machine.dispatched(0, 0);
  const bytes = other.messages.find((message) => typeOf(message) === CHECKPOINT_READY);
  if (bytes === undefined) throw new Error("no checkpoint");
  new DataView(bytes.buffer).setUint32(16, ME, true);
  return bytes;
}

Deno.test("after a partition a region that the other part writes is not called clean here, whatever this part does with it", () => {
  const world = new FuzzWorld([PEER]);
  makeWhole(world.mirror);
  world.machine.configure(0, [SELF], [{ ...OTHER, reason: 3 }], [], 0);
  world.machine.configure(0, [SELF, OTHER], [], [OTHER], 0);
  world.machine.dispatched(0, 0);
  echo(world);
  world.deliver(PEER, OTHER.pid, checkpointOfOther());
  world.machine.dispatched(0, 0);
  assertEquals(world.notices, ["nodeGone", "checkpointMerged"]);
  ask(world, MARK_REGION, REGION);
  echo(world);
  ask(world, CLEAR_REGION, REGION);
  world.machine.tick(10_000);
  echo(world);
  const { clean, regionCount } = world.mirror.log;
  assertEquals([clean.has(REGION), clean.count], [false, regionCount - 1]);
});

Deno.test("after a partition what the other part has dirty is written, though no kernel asks: the next first member reads it there", () => {
  const world = new DiskWorld();
  world.hearOwnJoin();
  diskOf(world).image.forget();
  world.machine.logRead(world.mirror, 0, 0);
  written(world);
  makeWhole(world.mirror);
  world.transfers.length = 0;
  world.machine.configure(0, [SELF, OTHER], [], [OTHER], 0);
  world.deliver(PEER, OTHER.pid, checkpointOfOther());
  world.machine.dispatched(0, 0);
  echo(world);
  assertEquals(world.transfers, []);
  world.machine.tick(world.machine.nextDueMs() ?? Infinity);
  echo(world);
  assertEquals(world.transfers, ["write"]);
  assertEquals(world.device[BITMAP_AT].toString(2), "1111111");
});

Deno.test("a region that is cleared along with one that finds the ring of idle regions full is cleared", () => {
  const world = new FuzzWorld([], { regions: 4_000 });
  const { log } = world.mirror;
  makeWhole(world.mirror);
  log.wholeOnce = true;
  for (let region = 0; region <= MAX_IDLE_REGIONS; region++) ask(world, MARK_REGION, region);
  for (let region = 0; region < MAX_IDLE_REGIONS; region++) ask(world, CLEAR_REGION, region);
  // In sync, and marked by nobody: the end of a recovery.
  log.clean.clear(3_000);
  ask(world, CLEAR_REGION, 3_000, MAX_IDLE_REGIONS);
  assertEquals(log.clean.has(3_000), true);
});

Deno.test("regions that are cleared together all have room in the ring of idle regions, and are cleared when they are due", () => {
  const world = new FuzzWorld([], { regions: 4_000 });
  const { log } = world.mirror;
  makeWhole(world.mirror);
  log.wholeOnce = true;
  for (let region = 0; region <= MAX_IDLE_REGIONS; region++) ask(world, MARK_REGION, region);
  for (let region = 0; region < MAX_IDLE_REGIONS - 1; region++) ask(world, CLEAR_REGION, region);
  ask(world, CLEAR_REGION, MAX_IDLE_REGIONS - 1, MAX_IDLE_REGIONS);
  world.machine.tick(10_000);
  assertEquals([log.clean.count, log.marks.size], [log.regionCount, 0]);
});
