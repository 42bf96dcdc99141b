/** Connection takes frames out of a stream however they come (section 3.3 of the protocol's description). */
import "../../../bind_libc.ts";
import { assert, assertEquals } from "@std/assert";
import { errorObject } from "../../../native/virtlockd/client_describe.ts";
import * as frames from "../../../native/virtlockd/client_frames.ts";
import { LOCK_FRAME_KEEP_BYTES } from "../../../../daemons/virtlockd/lock_protocol.ts";
import { call, done, Rig } from "./connection_rig.ts";

const { concat, u32 } = frames;

function assertBytes(actual: Uint8Array, expected: Uint8Array, what?: string): void {
  assertEquals(frames.toHex(actual), frames.toHex(expected), what);
}

/** The error reply to a frame. */
function refusal(header: frames.Header, detail: string): Uint8Array {
  const reply = { ...header, type: frames.MessageType.reply, status: frames.Status.error };
  return frames.frame(reply, errorObject({ code: 39, domain: 7, detail }));
}

function withLength(frame: Uint8Array, length: number): Uint8Array {
  return concat(u32(length), frame.subarray(4));
}

Deno.test("Connection answers frames that are cut in two at any byte", () => {
  using rig = new Rig();
  const stream = concat(call(1), call(2, new Uint8Array()), frames.ping, call(3));
  const expected = concat(done(1), done(2), frames.pong, done(3));
  for (let cut = 0; cut <= stream.length; cut++) {
    const first = rig.exchange(stream.subarray(0, cut));
    assertBytes(concat(first, rig.exchange(stream.subarray(cut))), expected, `cut at ${cut}`);
    assert(rig.connection.isAtBorder);
  }
});

Deno.test("Connection answers a frame that comes byte by byte when its last byte is there", () => {
  using rig = new Rig();
  const frame = call(7);
  for (const [at, byte] of frame.entries()) {
    const expected = at === frame.length - 1 ? done(7) : new Uint8Array();
    assertBytes(rig.exchange(Uint8Array.of(byte)), expected, `byte ${at}`);
  }
});

Deno.test("Connection answers pipelined frames in their order", () => {
  using rig = new Rig();
  const serials = Array.from({ length: 5_000 }, (_, serial) => serial);
  const replies = rig.exchange(concat(...serials.map((serial) => call(serial))));
  assertBytes(replies, concat(...serials.map(done)));
  assertEquals(rig.program.calls.map(({ firstWord }) => firstWord), serials);
});

Deno.test("Connection closes without a reply on a length word below 4 or above 32 MiB", () => {
  for (const length of [0, 1, 2, 3, 33_554_437, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    using rig = new Rig();
    assertBytes(rig.exchange(u32(length).subarray(0, 3)), new Uint8Array());
    assertEquals(rig.program.closedFor, undefined);
    rig.exchange(u32(length).subarray(3));
    assertEquals(rig.program.closedFor, "protocol error", String(length));
    assert(rig.peer.isEnded);
  }
});

Deno.test("Connection closes on a length word of 4 to 27 once that many bytes are there", () => {
  for (let length = 4; length < 28; length++) {
    using rig = new Rig();
    const frame = withLength(call(1), length);
    assertBytes(rig.exchange(frame.subarray(0, length - 1)), new Uint8Array());
    assertEquals(rig.program.closedFor, length === 4 ? undefined : rig.program.closedFor);
    assert(length === 4 || rig.program.closedFor === undefined, String(length));
    rig.exchange(frame.subarray(length - 1, length));
    assertEquals(rig.program.closedFor, "protocol error", String(length));
  }
});

Deno.test("Connection answers the calls that come before a bad length word", () => {
  using rig = new Rig();
  assertBytes(rig.exchange(concat(call(1), u32(0), call(2))), done(1));
  assert(rig.peer.isEnded);
});

Deno.test("Connection swallows frames of all types that are no calls", () => {
  using rig = new Rig();
  for (const type of [1, 2, 3, 5, 6, 7, 255, 0xffff_ffff]) {
    assertBytes(rig.exchange(concat(call(1, u32(0), { type }), call(2))), done(2), String(type));
  }
});

Deno.test("Connection answers calls of other programs and versions with what they asked for", () => {
  using rig = new Rig();
  const others: [Partial<frames.Header>, string][] = [
    [{ program: 110_102_160 }, "Cannot find program 110102160 version 1"],
    [{ version: 2 }, "Cannot find program 245874415 version 2"],
    [{ program: 0x6b656570 }, "Cannot find program 1801807216 version 1"],
    [{ program: 5, status: 1 }, "Cannot find program 5 version 1"],
    [{ status: 2 }, "Unexpected message status 2"],
  ];
  for (const [changes, detail] of others) {
    const header = frames.callHeader("RESTRICT", 9, changes);
    assertBytes(rig.exchange(frames.frame(header, u32(0))), refusal(header, detail), detail);
  }
  assertEquals(rig.program.calls, []);
});

Deno.test("Connection answers a ping with a pong of serial 0 and is silent on other keepalives", () => {
  using rig = new Rig();
  assertBytes(rig.exchange(frames.keepalive(1, { serial: 77, status: 1 })), frames.pong);
  for (const silent of [frames.pong, frames.keepalive(3), frames.keepalive(1, { version: 2 })]) {
    assertBytes(rig.exchange(silent), new Uint8Array());
  }
});

Deno.test("Connection runs a frame of any size up to the largest and holds only what can matter", () => {
  const sizes = [-1, 0, 1, 4, 16_384, 100_000].map((more) => LOCK_FRAME_KEEP_BYTES + more);
  for (const size of [...sizes, frames.LARGEST_FRAME_BYTES]) {
    using rig = new Rig();
    const frame = concat(withLength(call(1), size), new Uint8Array(size - 32).fill(0xee));
    const half = size >> 1;
    assertBytes(rig.exchange(frame.subarray(0, half)), new Uint8Array());
    assert(heldBytes(rig) <= LOCK_FRAME_KEEP_BYTES + 16_384, String(heldBytes(rig)));
    assertBytes(rig.exchange(concat(frame.subarray(half), call(2))), concat(done(1), done(2)));
    assertEquals(rig.program.calls.map(({ firstWord }) => firstWord), [1, 2]);
    assert(rig.program.calls[0].payloadBytes >= Math.min(size, LOCK_FRAME_KEEP_BYTES) - 28);
    assert(rig.connection.isAtBorder);
  }
});

function heldBytes({ connection }: Rig): number {
  return connection.stream.heldInput.length + (connection.aside?.bytes.length ?? 0);
}

const withDescriptors = { type: frames.MessageType.callWithFds };

function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

Deno.test("Connection runs a call with descriptors when all of them are there, and has none of them", () => {
  for (const count of [0, 1, 2, 32]) {
    using rig = new Rig();
    const open = openDescriptors();
    const replies = [rig.exchange(call(1, u32(count, 8), withDescriptors))];
    for (let left = count; left > 0; left--) {
      assertBytes(concat(...replies), new Uint8Array());
      rig.peer.sendDescriptor();
      rig.turn();
      replies.push(rig.peer.received());
    }
    assertBytes(concat(...replies, rig.exchange(call(2))), concat(done(1), done(2)));
    assertEquals(rig.program.calls[0], { serial: 1, payloadBytes: 4, firstWord: 8 });
    assertEquals(openDescriptors(), open);
  }
});

Deno.test("Connection takes a call with its descriptors and the next call in one go", () => {
  using rig = new Rig();
  rig.peer.send(call(1, u32(2, 8), withDescriptors));
  rig.peer.sendDescriptor();
  rig.peer.sendDescriptor();
  rig.peer.send(call(2));
  rig.turn(8);
  assertBytes(rig.peer.received(), concat(done(1), done(2)));
});

Deno.test("Connection takes descriptors of a call that is longer than what can matter", () => {
  using rig = new Rig();
  const size = 3 * LOCK_FRAME_KEEP_BYTES;
  const frame = concat(
    withLength(call(1, u32(1, 8), withDescriptors), size),
    new Uint8Array(size - 36),
  );
  assertBytes(rig.exchange(frame), new Uint8Array());
  rig.peer.sendDescriptor();
  rig.turn();
  assertBytes(rig.peer.received(), done(1));
  assertEquals(rig.program.calls[0].firstWord, 8);
});

Deno.test("Connection closes on a count of descriptors that is missing or above 32", () => {
  for (const payload of [new Uint8Array(), u32(33), u32(0x7fff_ffff), u32(0xffff_ffff)]) {
    using rig = new Rig();
    rig.exchange(call(1, payload, withDescriptors));
    assertEquals(rig.program.closedFor, "protocol error");
    assertEquals(rig.program.calls, []);
  }
});

Deno.test("Connection waits for descriptors, and closes on a byte that carries none", () => {
  using rig = new Rig();
  assertBytes(rig.exchange(call(1, u32(1), withDescriptors)), new Uint8Array());
  assertEquals(rig.program.closedFor, undefined);
  rig.exchange(call(2));
  assertEquals(rig.program.closedFor, "protocol error");
  assertEquals(rig.program.calls, []);
});

Deno.test("Connection does not mind a descriptor that nothing announced, but for its byte", () => {
  using rig = new Rig();
  const open = openDescriptors();
  const frame = call(0);
  assertEquals(frame[0], 0); // the byte that carries the descriptor begins a frame
  rig.peer.sendDescriptor();
  rig.turn();
  assertBytes(rig.exchange(frame.subarray(1)), done(0));
  assertEquals(openDescriptors(), open);
});
