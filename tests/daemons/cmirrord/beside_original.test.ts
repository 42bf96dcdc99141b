/** What our daemon does beside servers of lvm2. */
import { assertEquals } from "@std/assert";
import { touchServer } from "../../../daemons/cmirrord/beside_original.ts";
import { GET_RESYNC_WORK, MARK_REGION } from "../../../daemons/cmirrord/ulog.ts";
import { MESSAGE_HEADER_BYTES } from "../../../daemons/cmirrord/message.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { FuzzWorld, PEER, requestFrame } from "../../fuzz/cmirrord_world.ts";

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

/** GET_RESYNC_WORK of the peer, and what its server, of lvm2, has answered; both as they are delivered. */
function deliverChoice(world: FuzzWorld, ...answer: number[]): void {
  world.ask(requestFrame(world.seq++, GET_RESYNC_WORK, new Uint8Array(0)));
  const request = (world.messages.at(-1) as Uint8Array<ArrayBuffer>).slice(0, MESSAGE_HEADER_BYTES);
  world.deliver(PEER, 20, request.slice());
  const response = new Uint8Array(MESSAGE_HEADER_BYTES + 16);
  response.set(request);
  const view = new DataView(response.buffer);
  view.setUint32(16, PEER, true);
  view.setUint32(176, GET_RESYNC_WORK | 0x1000, true);
  view.setUint32(180, 16, true);
  answer.forEach((word, index) => setU64(view, MESSAGE_HEADER_BYTES + 8 * index, word));
  world.deliver(PEER, 20, response);
}

Deno.test("what lvm2's server hands out is what the state file says, not what ours would have chosen", () => {
  const world = new FuzzWorld([PEER]);
  deliverChoice(world, 1, 4);
  assertEquals(world.mirror.state.recoveries(), [[4, PEER]]);
});

Deno.test("a node that asks lvm2's server for work holds nothing that it was thought to recover", () => {
  for (const answer of [[1, 4], [0, 0]]) {
    const world = new FuzzWorld([PEER]);
    const { recovery } = world.mirror.log;
    recovery.held.set(3, PEER);
    deliverChoice(world, ...answer);
    assertEquals([recovery.held.size, recovery.priority.includes(3)], [0, true]);
  }
});
