import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  beginFrame,
  CALL,
  decodeHeader,
  emptyHeader,
  encodeError,
  endFrame,
  ERROR,
  FRAME_MAX_BYTES,
  FRAME_MIN_BYTES,
  type Header,
  OK,
  REPLY,
  type RpcError,
} from "../../../src/wire/rpc.ts";
import { XdrWriter } from "../../../src/wire/xdr.ts";
import * as frames from "../../native/virtlockd/client_frames.ts";

/** The headers seen on the socket of the C daemon of libvirt 9.0.0, with the header each of them is. */
const vectors: [string, Header][] = [
  [
    "0000002c0ea7beef0000000100000007000000000000000500000000",
    { program: 0x0ea7beef, version: 1, procedure: 7, type: CALL, serial: 5, status: OK },
  ],
  [
    "0000001c0ea7beef0000000100000001000000010000000600000000",
    { program: 0x0ea7beef, version: 1, procedure: 1, type: REPLY, serial: 6, status: OK },
  ],
  [
    "000000c00ea7beef0000000100000007000000010000000700000001",
    { program: 0x0ea7beef, version: 1, procedure: 7, type: REPLY, serial: 7, status: ERROR },
  ],
  [
    "0000001c6b6565700000000100000001000000020000000000000000",
    { program: 0x6b656570, version: 1, procedure: 1, type: 2, serial: 0, status: OK },
  ],
];

function decoded(bytes: Uint8Array<ArrayBuffer>, offset = 0): Header {
  const header = emptyHeader();
  decodeHeader(new DataView(bytes.buffer), offset, header);
  return header;
}

function encoded(header: Header, payload: (writer: XdrWriter) => void): Uint8Array<ArrayBuffer> {
  const writer = new XdrWriter(4);
  beginFrame(writer, header, header.type, header.status);
  payload(writer);
  endFrame(writer);
  return writer.copy();
}

Deno.test("decodeHeader reads the headers of the C daemon", () => {
  for (const [hex, header] of vectors) assertEquals(decoded(Uint8Array.fromHex(hex)), header);
});

Deno.test("decodeHeader takes procedure, type and status as signed and the rest as unsigned", () => {
  const bytes = new Uint8Array(28).fill(0xff);
  const all = 0xffff_ffff;
  assertEquals(decoded(bytes), {
    program: all,
    version: all,
    procedure: -1,
    type: -1,
    serial: all,
    status: -1,
  });
});

const u32 = fc.nat(0xffff_ffff);
const i32 = fc.integer();
const anyHeader: fc.Arbitrary<Header> = fc.record({
  program: u32,
  version: u32,
  procedure: i32,
  type: i32,
  serial: u32,
  status: i32,
});

Deno.test("decodeHeader reads, at any offset, what beginFrame wrote", () => {
  fc.assert(
    fc.property(anyHeader, fc.nat(9), fc.nat(9), (header, words, offset) => {
      const frame = encoded(header, (writer) => {
        for (let i = 0; i < words; i++) writer.uint(i);
      });
      assertEquals(new DataView(frame.buffer).getUint32(0), FRAME_MIN_BYTES + 4 * words);
      assertEquals(frame.length, FRAME_MIN_BYTES + 4 * words);
      const placed = new Uint8Array(offset + frame.length);
      placed.set(frame, offset);
      assertEquals(decoded(placed, offset), header);
    }),
    { seed: 17, numRuns: 1_000 },
  );
});

Deno.test("beginFrame starts over in a writer that was used before", () => {
  const writer = new XdrWriter(64);
  writer.string("left over");
  beginFrame(writer, vectors[1][1], REPLY, OK);
  endFrame(writer);
  assertEquals(writer.copy().toHex(), vectors[1][0]);
});

Deno.test("FRAME_MAX_BYTES is 32 MiB without the length word", () => {
  assertEquals(FRAME_MAX_BYTES, 33_554_436);
});

const notLocked: RpcError = {
  code: 87,
  domain: 51,
  message: "resource busy: Lockspace resource 'a' is not locked",
  str1: "resource busy: %s",
  str2: "Lockspace resource 'a' is not locked",
  int1: -1,
  int2: -1,
};

Deno.test("encodeError writes the error that the C daemon sends for a release of an unlocked name", () => {
  const frame = encoded(vectors[2][1], (writer) => encodeError(writer, notLocked));
  const expected = frames.concat(
    Uint8Array.fromHex(vectors[2][0]),
    frames.u32(87, 51, 1, 51),
    frames.bytesOf("resource busy: Lockspace resource 'a' is not locked\0"),
    frames.u32(2, 0, 1, 17),
    frames.bytesOf("resource busy: %s\0\0\0"),
    frames.u32(1, 36),
    frames.bytesOf("Lockspace resource 'a' is not locked"),
    frames.u32(0, 0xffff_ffff, 0xffff_ffff, 0),
  );
  assertEquals(frame.toHex(), frames.toHex(expected));
  assertEquals(frame.length, 0xc0);
});

Deno.test("encodeError leaves out a second string that is not there", () => {
  const { str2: _, ...plain } = notLocked;
  const writer = new XdrWriter(4);
  encodeError(writer, plain);
  const rest = writer.copy().toHex().slice(-40);
  assertEquals(rest, "00000000" + "00000000" + "ffffffff" + "ffffffff" + "00000000");
});
