/** What our daemon does beside servers of lvm2. */
import { assertEquals } from "@std/assert";
import { touchServer } from "../../../daemons/cmirrord/beside_original.ts";
import { CHECKPOINT_READY, GET_RESYNC_WORK, MARK_REGION } from "../../../daemons/cmirrord/ulog.ts";
import { MESSAGE_HEADER_BYTES, RESPONSE } from "../../../daemons/cmirrord/message.ts";
import { NO_ANSWER, writeGeneration } from "../../../daemons/cmirrord/trailer.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { FuzzWorld, ME, PEER, requestFrame } from "../../fuzz/cmirrord_world.ts";

/** Magic and generation. */
const TRAILER_BYTES = 8;

/** A valid member of two, with a log on disk, whose regions are in sync. */
function joined(): FuzzWorld {
  const world = new FuzzWorld([PEER], { log: "clustered-disk 253:0" });
  const { machine, mirror } = world;
  machine.logOpened(mirror, 0, "253:0");
  machine.logRead(mirror, 0, 0);
  machine.logWritten(mirror, 0, 0);
  mirror.log.sync.fill();
  return world;
}

function mark(world: FuzzWorld, region: number): void {
  const data = new Uint8Array(8);
  setU64(new DataView(data.buffer), 0, region);
  world.ask(requestFrame(world.seq++, MARK_REGION, data));
}

Deno.test("touchServer marks a region that nobody writes, and clears it again", () => {
  const world = joined();
  touchServer(world.machine.context, world.mirror);
  assertEquals([world.mirror.held.members(), world.mirror.idle.dueMs !== undefined], [[0], true]);
});

Deno.test("touchServer leaves a region alone whose mark the group has yet to hear", () => {
  const world = joined();
  mark(world, 0);
  assertEquals(world.mirror.log.marks.hasAny(0), false);
  touchServer(world.machine.context, world.mirror);
  assertEquals([world.mirror.held.members(), world.mirror.idle.take(Infinity)], [[0, 1], 1]);
});

/** lvm2's daemon of the peer is about to resume: it has joined, before or behind this node. */
function hearOriginalResume(world: FuzzWorld): void {
  const own = world.resume as Uint8Array<ArrayBuffer>;
  world.messages.length = 0;
  world.deliver(PEER, 20, own.slice(0, MESSAGE_HEADER_BYTES));
  world.machine.dispatched(0, 0);
}

function typeOf(message: Uint8Array): number {
  return new DataView(message.buffer).getUint32(176, true);
}

/** GET_RESYNC_WORK of the peer, and what a server has answered; both as they are delivered. `isOurs`: not lvm2's. */
function deliverChoice(world: FuzzWorld, answer: readonly number[], isOurs = false): void {
  world.ask(requestFrame(world.seq++, GET_RESYNC_WORK, new Uint8Array(0)));
  const request = (world.messages.at(-1) as Uint8Array<ArrayBuffer>).slice(0, MESSAGE_HEADER_BYTES);
  world.deliver(PEER, 20, request.slice());
  const response = new Uint8Array(MESSAGE_HEADER_BYTES + 16 + (isOurs ? TRAILER_BYTES : 0));
  response.set(request);
  const view = new DataView(response.buffer);
  view.setUint32(16, PEER, true);
  view.setUint32(176, GET_RESYNC_WORK | 0x1000, true);
  view.setUint32(180, 16, true);
  answer.forEach((word, index) => setU64(view, MESSAGE_HEADER_BYTES + 8 * index, word));
  if (isOurs) writeGeneration(view, MESSAGE_HEADER_BYTES + 16, NO_ANSWER);
  world.deliver(PEER, 20, response);
}

Deno.test("what lvm2's server hands out is what the state file says, not what ours would have chosen", () => {
  const world = new FuzzWorld([PEER]);
  deliverChoice(world, [1, 4]);
  assertEquals(world.mirror.state.recoveries(), [[4, PEER]]);
});

Deno.test("a node that asks lvm2's server for work holds nothing that it was thought to recover", () => {
  for (const answer of [[1, 4], [0, 0]]) {
    const world = new FuzzWorld([PEER]);
    const { recovery } = world.mirror.log;
    recovery.held.set(3, PEER);
    deliverChoice(world, answer);
    assertEquals([recovery.held.size, recovery.priority.includes(3)], [0, true]);
  }
});

Deno.test("what a server of ours answers ends a recovery that only a checkpoint of lvm2's daemon knew of", () => {
  const world = new FuzzWorld([PEER]);
  const { log } = world.mirror;
  log.recovery.wasMixed = true;
  log.recovery.region = 3;
  log.recovery.recoverer = PEER;
  deliverChoice(world, [0, 0], true);
  assertEquals([log.recovery.region, log.recovery.priority], [-1, [3]]);
});

Deno.test("among our nodes alone an answer tells nothing that they do not know", () => {
  const world = new FuzzWorld([PEER]);
  const { recovery } = world.mirror.log;
  recovery.held.set(3, PEER);
  deliverChoice(world, [0, 0], true);
  assertEquals([...recovery.held], [[3, PEER]]);
});

Deno.test("a server tells the group what it recovers itself where lvm2's daemons are members", () => {
  for (const isMixed of [true, false]) {
    const world = new FuzzWorld([PEER]);
    if (isMixed) hearOriginalResume(world);
    world.ask(requestFrame(world.seq++, GET_RESYNC_WORK, new Uint8Array(0)));
    const request = world.messages.at(-1) as Uint8Array<ArrayBuffer>;
    world.messages.length = 0;
    world.deliver(ME, 10, request);
    const answers = world.messages.map(typeOf);
    assertEquals(answers, isMixed ? [GET_RESYNC_WORK | RESPONSE] : []);
  }
});

Deno.test("a node of lvm2 that has joined before this one gets its checkpoint from it: who owed it one may be gone", () => {
  const world = new FuzzWorld([PEER]);
  world.mirror.owed.length = 0;
  hearOriginalResume(world);
  assertEquals(world.messages.map(typeOf), [CHECKPOINT_READY]);
});

Deno.test("who resumes behind this node is not waited for as one that may write the log", () => {
  const world = joined();
  world.mirror.writers.add(PEER);
  hearOriginalResume(world);
  assertEquals(world.mirror.writers.size, 0);
  assertEquals(world.messages.map(typeOf).includes(CHECKPOINT_READY), true);
});

/** What lvm2's daemon of the peer sends to a joiner: all regions are in sync, and clean. */
function originalCheckpoint(): Uint8Array<ArrayBuffer> {
  const world = new FuzzWorld([PEER]);
  world.mirror.log.sync.fill();
  world.mirror.log.clean.fill();
  hearOriginalResume(world);
  const checkpoint = world.messages[0];
  const dataBytes = new DataView(checkpoint.buffer).getUint32(180, true);
  new DataView(checkpoint.buffer).setUint32(16, ME, true);
  return checkpoint.slice(0, MESSAGE_HEADER_BYTES + dataBytes);
}

Deno.test("what a node knew to be left half done stays dirty when it comes back to nodes of lvm2 that have forgotten it", () => {
  const world = joined();
  const { log } = world.mirror;
  log.clean.fill();
  log.orphan(7);
  world.resume = undefined;
  world.machine.lost(0, 0);
  world.machine.tick(10_000);
  const [self, peer] = [{ nodeid: ME, pid: 10, reason: 1 }, { nodeid: PEER, pid: 20, reason: 1 }];
  world.machine.configure(0, [self, peer], [], [self], 0);
  world.deliver(ME, self.pid, (world.resume ?? new Uint8Array(0)) as Uint8Array<ArrayBuffer>);
  world.deliver(PEER, peer.pid, originalCheckpoint());
  assertEquals(world.mirror.phase, "valid");
  assertEquals([7, 8].map((region) => log.clean.has(region)), [false, true]);
  assertEquals(log.marks.orphans.members(), [7]);
});
