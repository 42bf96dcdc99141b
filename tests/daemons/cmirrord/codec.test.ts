/** Messages bit by bit, and in both byte orders. */
import { assertEquals } from "@std/assert";
import { Context } from "../../../daemons/cmirrord/context.ts";
import {
  decodeMessage,
  type Message,
  MESSAGE_HEADER_BYTES,
  REQUEST_AT,
  RESPONSE,
  writeHead,
} from "../../../daemons/cmirrord/message.ts";
import {
  CHECKPOINT_READY,
  FLUSH,
  GET_RESYNC_WORK,
  MARK_REGION,
  SET_REGION_SYNC,
  STATUS_INFO,
  UUID_AT,
  word,
  writeIdentity,
  writeOutcome,
} from "../../../daemons/cmirrord/ulog.ts";
import { encodeBytes } from "../../../src/wire/bytes.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { FuzzWorld, PEER, REGIONS, requestFrame, UUID } from "../../fuzz/cmirrord_world.ts";

function message(type: number, words: readonly number[], error = 0): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + 8 * words.length);
  const view = new DataView(bytes.buffer);
  writeHead(view, 3, 0);
  encodeBytes(UUID, bytes, REQUEST_AT + UUID_AT);
  writeIdentity(view, REQUEST_AT, 3, 77);
  writeOutcome(view, REQUEST_AT, error, type, 8 * words.length);
  words.forEach((one, index) => setU64(view, MESSAGE_HEADER_BYTES + 8 * index, one));
  return bytes;
}

function emptyMessage(): Message {
  return new Context(new FuzzWorld([]), 1, false).looped;
}

/** What a big-endian daemon of lvm2 sends: version[0] stays little-endian, luid, pit_server and the ulog version are not turned. */
function bigEndian(little: Uint8Array<ArrayBuffer>, turnsWords = true): Uint8Array<ArrayBuffer> {
  const bytes = little.slice();
  const reverse = (at: number, length: number): void => {
    bytes.subarray(at, at + length).reverse();
  };
  reverse(8, 8);
  for (const at of [16, 168, 172, 176, 180]) reverse(at, 4);
  if (turnsWords) {
    for (let at = MESSAGE_HEADER_BYTES; at < bytes.length; at += 8) {
      reverse(at, 8);
    }
  }
  return bytes;
}

function fieldsOf(bytes: Uint8Array<ArrayBuffer>): unknown {
  const into = emptyMessage();
  const verdict = decodeMessage(bytes, new DataView(bytes.buffer), bytes.length, into);
  const { originator, type, isResponse, seq, error, dataBytes } = into;
  const words = Array.from({ length: dataBytes >> 3 }, (_, index) => word(into, index));
  return { verdict, originator, type, isResponse, seq, error, dataBytes, words };
}

for (
  const [what, bytes] of [
    ["a mark", message(MARK_REGION, [1, 2, 0x1234_5678])],
    ["the end of a recovery", message(SET_REGION_SYNC, [5, 1])],
    ["a flush", message(FLUSH, [])],
    ["an answer", message(GET_RESYNC_WORK | RESPONSE, [1, 9])],
    ["a refusal", message(MARK_REGION | RESPONSE, [], -22)],
  ] as const
) {
  Deno.test(`decodeMessage reads ${what} of a big-endian daemon as that of a little-endian one`, () => {
    const expected = fieldsOf(bytes.slice());
    assertEquals((expected as { verdict: string }).verdict, "ok");
    assertEquals(fieldsOf(bigEndian(bytes)), expected);
  });
}

Deno.test("decodeMessage leaves texts and bitmaps of a big-endian daemon as they are", () => {
  for (const type of [STATUS_INFO | RESPONSE, CHECKPOINT_READY]) {
    const bytes = message(type, [0x0102_0304, 5]);
    assertEquals(fieldsOf(bigEndian(bytes, false)), fieldsOf(bytes.slice()));
  }
});

Deno.test("decodeMessage drops what is old, too short or of no known type", () => {
  const verdict = (change: (view: DataView) => void, length?: number): unknown => {
    const bytes = message(MARK_REGION, [1]);
    change(new DataView(bytes.buffer));
    const view = new DataView(bytes.buffer);
    return decodeMessage(bytes, view, length ?? bytes.length, emptyMessage());
  };
  const nothing = (): void => {};
  assertEquals(verdict(nothing), "ok");
  assertEquals(verdict(nothing, MESSAGE_HEADER_BYTES - 1), "short");
  assertEquals(verdict((view) => view.setUint32(180, 1_000_000, true)), "short");
  assertEquals([2, 3, 4].map((old) => verdict((view) => view.setUint32(0, old, true))), [
    "old",
    "old",
    "old",
  ]);
  assertEquals(verdict((view) => view.setUint32(0, 6, true)), "version");
  assertEquals(verdict((view) => view.setUint32(176, 22, true)), "type");
  assertEquals(verdict((view) => view.setUint32(176, 1, true)), "type");
  assertEquals(verdict((view) => view.setUint8(32, 0)), "uuid");
});

function checkWorld({ mirror }: FuzzWorld, what: string): void {
  const { clean, marks, sync } = mirror.log;
  marks.each((region) => {
    assertEquals(region < REGIONS && !clean.has(region), true, what);
  });
  for (const map of [sync, clean]) {
    const counted = map.count;
    map.recount();
    assertEquals(counted, map.count, what);
  }
}

Deno.test("no flip of one bit of a message of another node does harm", () => {
  const types = [MARK_REGION, SET_REGION_SYNC, FLUSH, GET_RESYNC_WORK];
  for (const type of types) {
    const whole = message(
      type,
      type === SET_REGION_SYNC ? [7, 1] : type === MARK_REGION ? [7] : [],
    );
    for (let bit = 0; bit < 8 * whole.length; bit++) {
      const world = new FuzzWorld([PEER]);
      const bytes = whole.slice();
      bytes[bit >> 3] ^= 1 << (bit & 7);
      world.deliver(PEER, 20, bytes);
      checkWorld(world, `type ${type}, bit ${bit}`);
    }
  }
});

Deno.test("no flip of one bit of a request of the kernel does harm, and each is answered once at most", () => {
  const whole = requestFrame(
    50,
    MARK_REGION,
    message(MARK_REGION, [7]).slice(MESSAGE_HEADER_BYTES),
  );
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const world = new FuzzWorld([PEER]);
    const bytes = whole.slice();
    bytes[bit >> 3] ^= 1 << (bit & 7);
    world.answers.length = 0;
    world.ask(bytes);
    assertEquals(world.answers.length <= 1, true, `bit ${bit}`);
    if (world.machine.mirrors.length > 0) checkWorld(world, `bit ${bit}`);
  }
});
