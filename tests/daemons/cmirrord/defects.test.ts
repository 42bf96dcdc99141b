/** Defects of the original, each where one message shows it. Those that need a cluster are the simulator's. */
import { assert, assertEquals } from "@std/assert";
import { MAX_WAITING_RESUMES } from "../../../daemons/cmirrord/limits.ts";
import { decodeMessage, type Message } from "../../../daemons/cmirrord/message.ts";
import {
  CHECKPOINT_READY,
  CLEAR_REGION,
  CTR,
  emptyRequest,
  FLUSH,
  GET_RESYNC_WORK,
  GET_SYNC_COUNT,
  IN_SYNC,
  IS_REMOTE_RECOVERING,
  MARK_REGION,
  POSTSUSPEND,
  PRESUSPEND,
  RESUME,
  SET_REGION_SYNC,
  STATUS_INFO,
} from "../../../daemons/cmirrord/ulog.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { toBytes } from "../../../src/wire/bytes.ts";
import { FuzzWorld, ME, PEER, REGIONS, requestFrame } from "../../fuzz/cmirrord_world.ts";

import { countReads } from "./counted.ts";

const HEADER = 196;
const words = (...list: number[]): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(8 * list.length);
  list.forEach((word, index) => setU64(new DataView(bytes.buffer), 8 * index, word));
  return bytes;
};
const none = words();

function decoded(bytes: Uint8Array<ArrayBuffer>): Message {
  const message = {
    ...emptyRequest(),
    ...{ originator: 0, pitServer: 0, isResponse: false, trailer: 0, end: 0 },
  };
  assertEquals(decodeMessage(bytes, new DataView(bytes.buffer), bytes.length, message), "ok");
  return message;
}

/** Asks, and returns the error and the length of the data of the answer; undefined while there is none. */
function ask(
  world: FuzzWorld,
  type: number,
  data = none,
): { error: number; bytes: number } | undefined {
  world.frames.length = 0;
  world.ask(requestFrame(world.seq++, type, data));
  const frame = world.frames.at(-1);
  if (frame === undefined) return undefined;
  const view = new DataView(frame.buffer);
  if (frame.length < HEADER) return { error: -view.getUint32(28, true), bytes: 0 };
  return { error: view.getInt32(36 + 144, true), bytes: view.getUint32(36 + 156, true) };
}

/** A write asks for the region, so that it is the next one to be handed out; it is copied. */
function recover(world: FuzzWorld, region: number): void {
  ask(world, IS_REMOTE_RECOVERING, words(region));
  ask(world, GET_RESYNC_WORK);
  ask(world, SET_REGION_SYNC, words(region, 1));
}

Deno.test("D2: a reconnect is answered without the device, for which it has no room", () => {
  const world = new FuzzWorld([]);
  assertEquals(ask(world, CTR, toBytes(`${REGIONS * 1024} clustered-core 1024\0`)), {
    error: 0,
    bytes: 0,
  });
});

Deno.test("D1: what is asked of a mirror that is not known is answered with ESRCH and its room", () => {
  const world = new FuzzWorld([]);
  world.machine.mirrors.length = 0;
  assertEquals(ask(world, IN_SYNC, words(1)), { error: -3, bytes: 8 });
  assertEquals(ask(world, GET_RESYNC_WORK), { error: -3, bytes: 16 });
  assertEquals(ask(world, FLUSH), { error: -3, bytes: 0 });
});

Deno.test("D1: a CTR that the kernel repeats, as it was called off, is answered like the first, until its mirror is up", () => {
  const world = new FuzzWorld([]);
  const table = `${REGIONS * 1024} clustered-disk 253:0 1024`;
  const load = (text: string): { error: number; bytes: number } | undefined => {
    world.frames.length = 0;
    world.ask(requestFrame(world.seq++, CTR, toBytes(text), 78));
    const [frame] = world.frames;
    if (frame === undefined) return undefined;
    const view = new DataView(frame.buffer);
    return { error: view.getInt32(36 + 144, true), bytes: view.getUint32(36 + 156, true) };
  };
  assertEquals([load(table), load(table)], [undefined, undefined]);
  const seqs = [world.seq - 1];
  const [opening] = world.machine.mirrors.filter(({ disk }) => disk !== undefined);
  world.machine.logOpened(opening, 0, "253:0");
  assertEquals(
    world.frames.map((frame) => new DataView(frame.buffer).getUint32(36 + 148, true)),
    seqs,
  );
  assertEquals(load(table), { error: 0, bytes: 6 });
  assertEquals(load(table.replace("253:0", "253:1"))?.error, -22);
  assertEquals(world.machine.mirrors.length, 2);
  assertEquals(ask(world, CTR, toBytes(`${REGIONS * 1024} clustered-core 1024`))?.error, -22);
});

Deno.test("D11: a FLUSH that carries marks enters them, and is answered without data", () => {
  const world = new FuzzWorld([]);
  const { log } = world.mirror;
  recover(world, 7);
  assertEquals(ask(world, FLUSH, words(7)), { error: 0, bytes: 0 });
  assertEquals([log.marks.has(7, ME), log.clean.has(7)], [true, false]);
});

Deno.test("D15: every one of a dozen joiners of one change is sent a checkpoint", () => {
  const world = new FuzzWorld([]);
  const joiners = Array.from({ length: 12 }, (_, index) => index + 2);
  const [self, ...others] = [ME, ...joiners].map((nodeid) => ({ nodeid, pid: 10, reason: 1 }));
  world.machine.configure(0, [self, ...others], [], others, 0);
  world.messages.length = 0;
  for (const node of joiners) {
    world.deliver(node, 10, (world.resume as Uint8Array<ArrayBuffer>).slice());
  }
  world.machine.dispatched(0, 0);
  const served = world.messages.map((bytes) => {
    const { type, originator } = decoded(bytes);
    assertEquals(type, CHECKPOINT_READY);
    return originator;
  });
  assertEquals(served.sort((a, b) => a - b), joiners);
});

Deno.test("D16: two nodes that are lost at once are both told of, and leave their marks dirty", () => {
  const world = new FuzzWorld([PEER, PEER + 1]);
  const { log } = world.mirror;
  for (const node of [PEER, PEER + 1]) log.mark(node, node, ME);
  const [self, ...lost] = [ME, PEER, PEER + 1].map((nodeid) => ({ nodeid, pid: 20, reason: 3 }));
  world.machine.configure(0, [{ ...self, pid: 10 }], lost, [], 0);
  assertEquals(world.notices, ["nodeGone", "nodeGone"]);
  assertEquals([log.marks.size, log.marks.orphans.count], [0, 2]);
});

Deno.test("D17: another process of this node that leaves the group takes nothing along", () => {
  const world = new FuzzWorld([]);
  const self = { nodeid: ME, pid: 10, reason: 0 };
  world.machine.configure(0, [self], [{ nodeid: ME, pid: 99, reason: 2 }], [], 0);
  assertEquals([world.mirror.phase, ask(world, STATUS_INFO)?.error], ["valid", 0]);
});

Deno.test("D19: a region behind the last one is refused, whoever asks for it", () => {
  const world = new FuzzWorld([]);
  for (const type of [MARK_REGION, IN_SYNC, IS_REMOTE_RECOVERING, FLUSH]) {
    for (const region of [REGIONS, 2 ** 34]) {
      assertEquals(ask(world, type, words(region))?.error, -22, `${type} ${region}`);
    }
  }
  assertEquals(world.mirror.log.marks.size, 0);
  // CLEAR is acknowledged before it is looked at: the kernel must not wait.
  assertEquals(ask(world, CLEAR_REGION, words(REGIONS)), { error: -0, bytes: 0 });
});

/** Words of memory that are read for a write, a recovery and a status, in a mirror of so many regions and marks. */
function costOf(regions: number, marks: number): number {
  const { made: world, reads } = countReads(() => {
    const made = new FuzzWorld([], { regions });
    const { log } = made.mirror;
    // All but the last regions is in sync, and some of it in use.
    for (let region = 0; region < regions - 10; region++) log.sync.set(region);
    for (let index = 0; index < marks; index++) log.mark(index * 2, ME, ME);
    ask(made, IS_REMOTE_RECOVERING, words(5));
    return made;
  });
  for (const type of [IN_SYNC, MARK_REGION]) ask(world, type, words(1));
  ask(world, FLUSH);
  ask(world, CLEAR_REGION, words(1));
  ask(world, IS_REMOTE_RECOVERING, words(7));
  for (let region = regions - 10; region < regions - 5; region++) {
    assertEquals(ask(world, GET_RESYNC_WORK), { error: 0, bytes: 16 });
    ask(world, SET_REGION_SYNC, words(region, 1));
    ask(world, GET_SYNC_COUNT);
  }
  ask(world, STATUS_INFO);
  assertEquals(world.mirror.log.sync.count, regions - 5);
  return reads();
}

Deno.test("D20: what requests cost grows neither with the regions nor with the marks of a mirror", () => {
  const small = costOf(1_000, 20);
  const large = costOf(200_000, 20_000);
  assert(small > 20, `${small} words are too few to be all`);
  assert(large < 1.5 * small, `${small} words with few regions, ${large} with many`);
});

Deno.test("D22: a node about to be suspended stops its own recovery, not that of others", () => {
  const world = new FuzzWorld([PEER]);
  ask(world, PRESUSPEND);
  const bytes = words(3);
  const view = new DataView(bytes.buffer);
  const type = IS_REMOTE_RECOVERING;
  const request = { ...emptyRequest(), bytes, view, data: 0, dataBytes: 8, type };
  const asked = [PEER, ME].map((originator) => {
    const answer = { error: 0, first: 0, second: 0, words: 0 };
    world.mirror.log.execute(request, { originator, me: ME }, answer);
    return [answer.first, answer.second];
  });
  assertEquals(asked, [[1, 0], [0, REGIONS]]);
});

Deno.test("D25: the status of a mirror that is not resumed is answered", () => {
  const world = new FuzzWorld([]);
  world.mirror.phase = "pending";
  assertEquals(ask(world, STATUS_INFO), { error: 0, bytes: 16 });
});

Deno.test("D27: RESUME is answered when the mirror is joined, and not before", () => {
  const world = new FuzzWorld([], { joins: false });
  assertEquals([world.mirror.phase, world.frames.length], ["joining", 0]);
  world.joins = true;
  world.machine.tick(10_000);
  assertEquals([world.mirror.phase, world.frames.length], ["invalid", 0]);
  world.hearOwnJoin();
  assertEquals([world.mirror.phase, world.frames.length], ["valid", 1]);
});

/** Numbers of the RESUMEs that are answered when the mirror has joined, of those that were asked while it could not. */
function resumed(seqs: readonly number[]): number[] {
  const world = new FuzzWorld([], { joins: false });
  for (const seq of seqs) world.ask(requestFrame(seq, RESUME, none));
  world.joins = true;
  world.machine.tick(10_000);
  world.hearOwnJoin();
  assertEquals(world.machine.context.entries.taken, 0);
  return world.frames.map(({ buffer }) => new DataView(buffer).getUint32(36 + 148, true));
}

Deno.test("D27: every RESUME that waits is answered, as each task of the kernel sends its own", () => {
  // The first one is the world's.
  assertEquals(resumed([3, 7, 8]), [2, 3, 7, 8]);
});

Deno.test("D27: of very many RESUMEs the last ones are kept: the older ones were repeated", () => {
  const seqs = Array.from({ length: 200 }, (_, index) => 10 + index);
  assertEquals(resumed(seqs), seqs.slice(-MAX_WAITING_RESUMES));
});

Deno.test("D1: RESUME of a mirror whose kernel never stopped is answered before it is joined", () => {
  const world = new FuzzWorld([], { joins: false });
  world.mirror.keeps = "live";
  assertEquals(ask(world, RESUME), { error: 0, bytes: 0 });
  world.mirror.log.sync.set(4);
  assertEquals(ask(world, IN_SYNC, words(4)), { error: 0, bytes: 8 });
  // What was behind may be in sync by now, and must not be written on one leg: it is asked again.
  assertEquals(ask(world, IN_SYNC, words(5)), { error: -3, bytes: 8 });
});

Deno.test("a node's hint ends at the first region that is behind", () => {
  const world = new FuzzWorld([]);
  for (const region of [0, 1, 3]) recover(world, region);
  assertEquals(ask(world, IS_REMOTE_RECOVERING, words(3))?.error, 0);
  const view = new DataView((world.frames.at(-1) as Uint8Array<ArrayBuffer>).buffer);
  assertEquals([view.getUint32(HEADER, true), view.getUint32(HEADER + 8, true)], [0, 2]);
});

/** What the kernel is told of a region when the server, of lvm2, has answered with these words. */
function remoteAnswer(world: FuzzWorld, region: number, ...answer: number[]): [number, number] {
  ask(world, IS_REMOTE_RECOVERING, words(region));
  const question = world.messages.at(-1) as Uint8Array<ArrayBuffer>;
  const response = new Uint8Array(184 + 16);
  response.set(question.subarray(0, 184));
  const view = new DataView(response.buffer);
  view.setUint32(16, ME, true);
  view.setUint32(176, IS_REMOTE_RECOVERING | 0x1000, true);
  view.setUint32(180, 16, true);
  response.set(words(...answer), 184);
  world.frames.length = 0;
  world.deliver(PEER, 20, response);
  const told = new DataView((world.frames.at(-1) as Uint8Array<ArrayBuffer>).buffer);
  return [told.getUint32(HEADER, true), told.getUint32(HEADER + 8, true)];
}

Deno.test("a hint of lvm2's server that passes a region which is behind is bounded by what this node knows", () => {
  const world = new FuzzWorld([PEER]);
  for (const region of [0, 1, 3]) world.mirror.log.sync.set(region);
  assertEquals(remoteAnswer(world, 1, 0, 9), [0, 2]);
  assertEquals(world.mirror.log.hint, 2);
});

Deno.test("an error of lvm2's server is no hint, whatever stood in the buffer before", () => {
  for (const room of [184, 1_024]) {
    const world = new FuzzWorld([PEER]);
    ask(world, IS_REMOTE_RECOVERING, words(1));
    const bytes = new Uint8Array(room).fill(0xff);
    bytes.set((world.messages.at(-1) as Uint8Array<ArrayBuffer>).subarray(0, 184));
    const view = new DataView(bytes.buffer);
    view.setUint32(16, ME, true);
    view.setInt32(168, -22, true);
    view.setUint32(176, IS_REMOTE_RECOVERING | 0x1000, true);
    view.setUint32(180, 0, true);
    world.frames.length = 0;
    world.machine.deliver(0, PEER, 20, bytes, view, 184, 0);
    assertEquals([world.frames.length, world.mirror.log.hint], [1, 0]);
    assertEquals(world.mirror.log.isInSync(1), false);
  }
});

Deno.test("an error of one's own is no hint, whatever was answered before", () => {
  const world = new FuzzWorld([]);
  ask(world, IS_REMOTE_RECOVERING, words(30));
  assertEquals(ask(world, GET_RESYNC_WORK), { error: 0, bytes: 16 });
  assertEquals(world.mirror.log.recovery.region, 30);
  assertEquals(ask(world, IS_REMOTE_RECOVERING, words(REGIONS))?.error, -22);
  assertEquals(world.mirror.log.hint, 0);
});

Deno.test("D22: a server of lvm2 that calls all in sync, as it is about to be suspended, is not believed", () => {
  const world = new FuzzWorld([PEER]);
  for (const region of [0, 1, 3]) world.mirror.log.sync.set(region);
  assertEquals(remoteAnswer(world, 5, 0, REGIONS), [1, 2]);
});

Deno.test("what the kernel asks late of a table that the next one replaces is not answered as if nobody knew it", () => {
  const world = new FuzzWorld([]);
  const next = toBytes(`${REGIONS * 1024} clustered-core 1024`);
  recover(world, 7);
  ask(world, MARK_REGION, words(7));
  ask(world, POSTSUSPEND);
  world.deliver(ME, 10, world.messages.at(-1) as Uint8Array<ArrayBuffer>);
  world.machine.configure(0, [], [{ nodeid: ME, pid: 10, reason: 2 }], [], 0);
  assertEquals([world.mirror.phase, world.mirror.log.own.has(7)], ["pending", true]);
  assertEquals(ask(world, FLUSH), { error: -3, bytes: 0 });
  world.ask(requestFrame(world.seq++, CTR, next, 78));
  assertEquals(ask(world, CLEAR_REGION, words(7)), { error: 0, bytes: 0 });
  assertEquals(world.mirror.log.own.has(7), false);
  assertEquals(ask(world, FLUSH), { error: -22, bytes: 0 });
  assertEquals(ask(world, GET_RESYNC_WORK)?.error, -22);
});
