/** Connection with peers that do not read, that end, that stall, and with calls that cannot be answered yet. */
import "../../../bind_libc.ts";
import { assert, assertEquals } from "@std/assert";
import * as frames from "../../../native/virtlockd/client_frames.ts";
import { call, done, Rig } from "./connection_rig.ts";

const { concat, u32 } = frames;

function assertBytes(actual: Uint8Array, expected: Uint8Array, what?: string): void {
  assertEquals(frames.toHex(actual), frames.toHex(expected), what);
}

/** Sends calls from `serial` on until no more of them fit; the next serial, and what is left of the last call. */
function overfill(rig: Rig): { next: number; rest: Uint8Array } {
  for (let next = 0;; next++) {
    const frame = call(next).slice();
    const sent = rig.peer.sendSome(frame);
    if (sent < frame.length) return { next: next + 1, rest: frame.subarray(sent) };
    if (next % 100 === 0) rig.turn();
  }
}

Deno.test("Connection takes no calls while its peer reads no replies, and goes on when it does", () => {
  using rig = new Rig();
  const { next, rest } = overfill(rig);
  rig.turn(20);
  const answered = rig.program.calls.length;
  assert(answered > 0 && answered < next - 1, `${answered} of ${next}`);
  assert(rig.connection.stream.isBlocked);
  assert(rig.connection.stream.heldInput.length <= 2 * 16_384);
  assert(rig.connection.stream.heldOutput.length < 16_384);
  const replies: Uint8Array[] = [];
  for (let i = 0; i < next; i++) {
    replies.push(rig.peer.received());
    rig.turn(2);
  }
  replies.push(rig.exchange(rest));
  assertBytes(concat(...replies), concat(...Array.from({ length: next }, (_, i) => done(i))));
  assert(rig.connection.isAtBorder);
});

Deno.test("Connection keeps a call that is to come again, and all behind it, until resume()", () => {
  using rig = new Rig();
  rig.program.agains = 2;
  assertBytes(rig.exchange(concat(call(1), call(2))), new Uint8Array());
  assertBytes(rig.exchange(call(3)), new Uint8Array());
  rig.connection.resume();
  assertBytes(rig.peer.received(), new Uint8Array());
  rig.connection.resume();
  rig.turn();
  assertBytes(rig.peer.received(), concat(done(1), done(2), done(3)));
  assertEquals(rig.program.calls.map(({ serial }) => serial), [1, 2, 3]);
});

Deno.test("Connection keeps a call with descriptors that is to come again until resume()", () => {
  using rig = new Rig();
  rig.program.agains = 2;
  const frame = call(1, u32(0, 8), { type: frames.MessageType.callWithFds });
  assertBytes(rig.exchange(concat(frame, call(2))), new Uint8Array());
  rig.connection.resume();
  assertBytes(rig.peer.received(), new Uint8Array());
  rig.connection.resume();
  rig.turn();
  assertBytes(rig.peer.received(), concat(done(1), done(2)));
});

Deno.test("Connection.resume does nothing once the connection is closed", () => {
  using rig = new Rig();
  rig.program.agains = 1;
  rig.exchange(call(1));
  rig.peer.close();
  rig.turn();
  assertEquals(rig.program.closedFor, "connection error");
  rig.connection.resume();
  assertEquals(rig.program.calls, []);
});

Deno.test("Connection runs exactly one of the calls whose peer has closed", () => {
  using rig = new Rig();
  rig.peer.send(concat(call(1), call(2), call(3)));
  rig.peer.close();
  rig.turn();
  assertEquals(rig.program.calls.map(({ serial }) => serial), [1]);
  assertEquals(rig.program.closedFor, "connection error");
});

Deno.test("Connection runs and answers all calls of a peer that has only shut down its sending", () => {
  using rig = new Rig();
  rig.peer.send(concat(call(1), call(2), call(3), call(4).subarray(0, 9)));
  rig.peer.shutdown();
  rig.turn();
  assertBytes(rig.peer.received(), concat(done(1), done(2), done(3)));
  assertEquals(rig.program.closedFor, "end of stream");
});

Deno.test("Connection ends at the end of the stream, without a word", () => {
  using rig = new Rig();
  rig.exchange(call(1));
  rig.peer.shutdown();
  rig.turn();
  assertEquals(rig.program.closedFor, "end of stream");
  assertBytes(rig.peer.received(), new Uint8Array());
});

/** What leaves a connection half done: the first byte of a frame, and a frame whose descriptor is missing. */
const halfDone: Record<string, Uint8Array> = {
  "a frame of which one byte came": call(1).subarray(0, 1),
  "a call whose descriptor does not come": call(1, u32(1), { type: 4 }),
};

for (const [what, bytes] of Object.entries(halfDone)) {
  Deno.test(`Connection drops a peer that completes nothing in the whole term: ${what}`, () => {
    using rig = new Rig();
    rig.exchange(bytes);
    assertEquals(rig.program.closedFor, undefined);
    rig.reactor.runTimers();
    assertEquals(rig.program.closedFor, "stalled");
  });
}

Deno.test("Connection drops a peer that reads no replies in the whole term", () => {
  using rig = new Rig();
  overfill(rig);
  rig.turn(20);
  assertEquals(rig.program.closedFor, undefined);
  rig.reactor.runTimers();
  assertEquals(rig.program.closedFor, "stalled");
});

Deno.test("Connection does not drop a stalled peer whose end would be a holder's", () => {
  using rig = new Rig();
  rig.program.isDroppable = false;
  rig.exchange(call(1).subarray(0, 9));
  for (let looks = 0; looks < 5; looks++) rig.reactor.runTimers();
  assertEquals(rig.program.closedFor, undefined);
  assertBytes(rig.exchange(call(1).subarray(9)), done(1));
});

Deno.test("Connection does not drop a peer that completes something in the term", () => {
  using rig = new Rig();
  rig.exchange(call(0).subarray(0, 9));
  for (let serial = 0; serial < 5; serial++) {
    rig.exchange(concat(call(serial).subarray(9), call(serial + 1).subarray(0, 9)));
    rig.reactor.runTimers();
    assertEquals(rig.program.closedFor, undefined);
  }
  rig.reactor.runTimers();
  assertEquals(rig.program.closedFor, "stalled");
});

Deno.test("Connection does not drop a peer that waits for an answer, or for nothing", () => {
  using rig = new Rig();
  rig.program.agains = 1;
  rig.exchange(concat(call(1), call(2)));
  for (let looks = 0; looks < 5; looks++) rig.reactor.runTimers();
  assertEquals(rig.program.closedFor, undefined);
  rig.connection.resume();
  assertBytes(rig.exchange(new Uint8Array()), concat(done(1), done(2)));
  for (let looks = 0; looks < 5; looks++) rig.reactor.runTimers();
  assertEquals(rig.program.closedFor, undefined);
});
