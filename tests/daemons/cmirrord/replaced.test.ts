/** A daemon that is killed while the kernel replaces a table by another one of the same uuid (replaced.ts). */
import { assertEquals } from "@std/assert";
import { MAX_SUSPENDED_TABLES, SIBLING_PATIENCE_MS } from "../../../daemons/cmirrord/limits.ts";
import type { Mirror } from "../../../daemons/cmirrord/mirror.ts";
import { SuspendedTables } from "../../../daemons/cmirrord/replaced.ts";
import {
  CTR,
  DTR,
  emptyRequest,
  FLUSH,
  GET_RESYNC_WORK,
  IN_SYNC,
  POSTSUSPEND,
  type Request,
  RESUME,
} from "../../../daemons/cmirrord/ulog.ts";
import { toBytes } from "../../../src/wire/bytes.ts";
import { FuzzWorld, ME, REGIONS, requestFrame } from "../../fuzz/cmirrord_world.ts";

/** The luid of the world's own mirror, and that of the table that replaces it. */
const [OLD, NEW] = [77, 78];
const TABLE = `${REGIONS * 1024} clustered-core 1024`;

/** Asks, and returns the error that the answer has; undefined while there is none. */
function ask(world: FuzzWorld, luid: number, type: number, data = ""): number | undefined {
  world.frames.length = 0;
  world.ask(requestFrame(world.seq++, type, toBytes(data), luid));
  const frame = world.frames.at(-1);
  return frame === undefined ? undefined : errorOf(frame);
}

function errorOf(frame: Uint8Array<ArrayBuffer>): number {
  const view = new DataView(frame.buffer);
  return frame.length < 196 ? -view.getUint32(28, true) : view.getInt32(36 + 144, true);
}

function mirrorOf(world: FuzzWorld, luid: number): Mirror {
  const found = world.machine.mirrors.find(({ identity }) => identity[0] === luid);
  if (found === undefined) throw new Error(`no mirror ${luid}`);
  return found;
}

/** The daemon after one that has died when the kernel had loaded the new table and suspended the old one. */
function restarted(): FuzzWorld {
  const world = new FuzzWorld([]);
  assertEquals(ask(world, NEW, CTR, TABLE), 0);
  ask(world, OLD, POSTSUSPEND);
  world.deliver(ME, 10, world.messages.at(-1) as Uint8Array<ArrayBuffer>);
  world.machine.configure(0, [], [{ nodeid: ME, pid: 10, reason: 2 }], [], 0);
  assertEquals(mirrorOf(world, OLD).phase, "pending");
  return new FuzzWorld([], {}, world);
}

Deno.test("a table that was suspended when its daemon died gives way to the one that has replaced it", () => {
  const world = restarted();
  assertEquals([mirrorOf(world, OLD).phase, world.frames.length], ["joining", 0]);
  assertEquals(ask(world, OLD, FLUSH, "\0".repeat(8)), undefined);
  assertEquals(ask(world, NEW, CTR, `${TABLE}\0`), 0);
  world.frames.length = 0;
  world.ask(requestFrame(world.seq++, RESUME, toBytes(""), NEW));
  // RESUME and FLUSH of the old one; the new one's waits for its group.
  assertEquals(world.frames.map(errorOf), [0, -22]);
  assertEquals([mirrorOf(world, OLD).phase, mirrorOf(world, NEW).phase], ["pending", "invalid"]);
  world.hearOwnJoin();
  assertEquals(mirrorOf(world, NEW).phase, "valid");
  assertEquals([ask(world, OLD, FLUSH), ask(world, OLD, GET_RESYNC_WORK)], [-22, -22]);
  // Another task of the kernel.
  assertEquals([ask(world, OLD, CTR, `${TABLE}\0`), ask(world, OLD, RESUME)], [0, 0]);
  assertEquals([mirrorOf(world, OLD).phase, mirrorOf(world, NEW).phase], ["pending", "valid"]);
  assertEquals([ask(world, OLD, DTR), world.machine.mirrors.length], [0, 1]);
});

Deno.test("a table whose suspend only the next daemon has heard gives way as well", () => {
  for (const isSuspended of [true, false]) {
    const world = new FuzzWorld([]);
    const other = 79;
    if (isSuspended) assertEquals(ask(world, other, POSTSUSPEND), -22);
    assertEquals(ask(world, other, CTR, `${TABLE}\0`), 0);
    assertEquals(ask(world, other, RESUME), isSuspended ? 0 : undefined);
    assertEquals(mirrorOf(world, other).phase, isSuspended ? "pending" : "invalid");
  }
});

Deno.test("SuspendedTables forgets what is resumed, and the oldest of too many", () => {
  const tables = new SuspendedTables();
  const request = (type: number, luid: number): Request => {
    const bytes = requestFrame(0, type, toBytes(""), luid);
    return { ...emptyRequest(), type, bytes, base: 36 };
  };
  for (let luid = 0; luid < MAX_SUSPENDED_TABLES + 1; luid++) {
    tables.note(request(POSTSUSPEND, luid));
  }
  tables.note(request(RESUME, 2));
  assertEquals([0, 1, 2, 1].map((luid) => tables.take(request(CTR, luid))), [
    ...[false, true, false, false],
  ]);
});

Deno.test("a table that was suspended when its daemon died, and is alone, was resumed without one, and joins after a while", () => {
  const world = restarted();
  world.machine.tick(SIBLING_PATIENCE_MS - 1);
  assertEquals(mirrorOf(world, OLD).phase, "joining");
  world.machine.tick(SIBLING_PATIENCE_MS);
  world.hearOwnJoin();
  assertEquals([mirrorOf(world, OLD).phase, mirrorOf(world, OLD).wasSuspended], ["valid", false]);
});

Deno.test("a table that was resumed again before its daemon died joins at once", () => {
  const first = restarted();
  first.machine.tick(SIBLING_PATIENCE_MS);
  first.hearOwnJoin();
  const second = new FuzzWorld([], {}, first);
  assertEquals(mirrorOf(second, OLD).phase, "valid");
});

Deno.test("IN_SYNC of a mirror that has yet to get its log back is not answered from nothing", () => {
  const world = restarted();
  assertEquals(ask(world, OLD, IN_SYNC, "\0".repeat(8)), -3);
});
