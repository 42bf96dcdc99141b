/** Connection.restore: whatever is half done when the program is replaced is done by the next one. */
import "../../../bind_libc.ts";
import { assert, assertEquals } from "@std/assert";
import { LOCK_FRAME_KEEP_BYTES } from "../../../../daemons/virtlockd/lock_protocol.ts";
import * as frames from "../../../native/virtlockd/client_frames.ts";
import { call, done, Rig } from "./connection_rig.ts";

const { concat, u32 } = frames;
const withDescriptors = { type: frames.MessageType.callWithFds };

function assertBytes(actual: Uint8Array, expected: Uint8Array, what?: string): void {
  assertEquals(frames.toHex(actual), frames.toHex(expected), what);
}

Deno.test("Connection.restore goes on at every byte of a frame", () => {
  using rig = new Rig();
  const stream = concat(call(1), frames.ping);
  const expected = concat(done(1), frames.pong);
  for (let cut = 0; cut <= stream.length; cut++) {
    const first = rig.exchange(stream.subarray(0, cut));
    rig.succeed();
    const second = rig.exchange(stream.subarray(cut));
    assertBytes(concat(first, second), expected, `at ${cut}`);
    assert(rig.connection.isAtBorder);
  }
});

Deno.test("Connection.restore goes on within the tail of a frame that is being skipped", () => {
  using rig = new Rig();
  const size = 2 * LOCK_FRAME_KEEP_BYTES;
  const frame = concat(u32(size), call(1).subarray(4), new Uint8Array(size - 32));
  for (const cut of [LOCK_FRAME_KEEP_BYTES - 1, LOCK_FRAME_KEEP_BYTES + 20_000, size - 1]) {
    rig.exchange(frame.subarray(0, cut));
    rig.succeed();
    assertBytes(rig.exchange(concat(frame.subarray(cut), call(2))), concat(done(1), done(2)));
  }
});

Deno.test("Connection.restore goes on between the descriptors of a call", () => {
  using rig = new Rig();
  rig.exchange(call(1, u32(2, 8), withDescriptors));
  rig.succeed();
  rig.peer.sendDescriptor();
  rig.turn();
  rig.succeed();
  assertBytes(rig.peer.received(), new Uint8Array());
  rig.peer.sendDescriptor();
  rig.turn();
  assertBytes(rig.peer.received(), done(1));
});

Deno.test("Connection.restore sends the replies that were not sent, then goes on with the calls", () => {
  using rig = new Rig();
  let sent = 0;
  while (!rig.connection.stream.holdsOutput) {
    rig.peer.send(call(sent++));
    rig.turn(1);
  }
  rig.peer.send(concat(call(sent), call(sent + 1)));
  rig.succeed();
  assert(rig.connection.stream.holdsOutput);
  const replies: Uint8Array[] = [];
  for (let i = 0; i < 4; i++) {
    replies.push(rig.peer.received());
    rig.turn();
  }
  const expected = Array.from({ length: sent + 2 }, (_, serial) => done(serial));
  assertBytes(concat(...replies), concat(...expected));
});

Deno.test("Connection.restore tries a call once more that was to come again", () => {
  using rig = new Rig();
  rig.program.agains = 1;
  rig.exchange(concat(call(1), call(2)));
  rig.succeed();
  rig.turn();
  assertBytes(rig.peer.received(), concat(done(1), done(2)));
});

/** Calls that are not used where they lie in the receive buffer. */
const setAside: Record<string, Uint8Array> = {
  "with descriptors": call(1, u32(0, 1), withDescriptors),
  "longer than what can matter": concat(
    u32(LOCK_FRAME_KEEP_BYTES + 20_000),
    call(1).subarray(4),
    new Uint8Array(LOCK_FRAME_KEEP_BYTES + 20_000 - 32),
  ),
};

for (const [what, frame] of Object.entries(setAside)) {
  Deno.test(`Connection.restore tries a call ${what} once more that was to come again`, () => {
    using rig = new Rig();
    rig.program.agains = 1;
    assertBytes(rig.exchange(concat(frame, call(2))), new Uint8Array());
    rig.succeed();
    rig.turn();
    assertBytes(rig.peer.received(), concat(done(1), done(2)));
    assertEquals(rig.program.calls.map(({ firstWord }) => firstWord), [1, 2]);
  });
}

Deno.test("Connection.restore leaves a call that is to come again once more until resume()", () => {
  using rig = new Rig();
  rig.program.agains = 2;
  rig.exchange(concat(setAside["with descriptors"], call(2)));
  rig.succeed();
  rig.turn();
  assertBytes(rig.peer.received(), new Uint8Array());
  rig.connection.resume();
  rig.turn();
  assertBytes(rig.peer.received(), concat(done(1), done(2)));
});

Deno.test("Connection.restore watches for a peer that stalls", () => {
  using rig = new Rig();
  rig.exchange(call(1).subarray(0, 9));
  rig.succeed();
  assertEquals(rig.program.closedFor, undefined);
  rig.reactor.runTimers();
  assertEquals(rig.program.closedFor, "stalled");
});
