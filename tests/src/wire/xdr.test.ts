import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { XdrError, XdrReader, XdrWriter } from "../../../src/wire/xdr.ts";
import { WatchedFrame } from "./watched.ts";

/** One item of XDR data. */
type Item =
  | { kind: "uint" | "int" | "double"; value: number }
  | { kind: "uhyper" | "hyper"; value: bigint }
  | { kind: "string"; value: string }
  | { kind: "optionalString"; value: string | undefined }
  | { kind: "opaque"; value: Uint8Array<ArrayBuffer> };

const LIMIT = 64;

function write(writer: XdrWriter, item: Item): void {
  (writer[item.kind] as (value: Item["value"]) => void).call(writer, item.value);
}

function read(reader: XdrReader, { kind, value }: Item): Item["value"] {
  if (kind === "opaque") return reader.opaque(value.length);
  return kind === "string" || kind === "optionalString" ? reader[kind](LIMIT) : reader[kind]();
}

function written(items: readonly Item[]): Uint8Array<ArrayBuffer> {
  const writer = new XdrWriter(1);
  for (const item of items) write(writer, item);
  return writer.copy();
}

/** A reader of these bytes that cannot look beyond them unseen. */
function readerOf(bytes: Uint8Array, around = 0): { reader: XdrReader; frame: WatchedFrame } {
  const frame = new WatchedFrame(bytes.length, around);
  frame.set(bytes);
  const reader = new XdrReader();
  reader.reset(frame.bytes, frame.view, frame.start, frame.end);
  return { reader, frame };
}

// A byte string without NUL, at which C would end it.
const name = fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: LIMIT })
  .map((codes) => String.fromCharCode(...codes));
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

const anyItem: fc.Arbitrary<Item> = fc.oneof(
  fc.record({ kind: fc.constant("uint" as const), value: fc.nat(0xffff_ffff) }),
  fc.record({ kind: fc.constant("int" as const), value: fc.integer() }),
  fc.record({ kind: fc.constant("double" as const), value: fc.double() }),
  fc.record({ kind: fc.constant("uhyper" as const), value: u64 }),
  fc.record({ kind: fc.constant("hyper" as const), value: i64 }),
  fc.record({ kind: fc.constant("string" as const), value: name }),
  fc.record({
    kind: fc.constant("optionalString" as const),
    value: fc.option(name, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant("opaque" as const), value: fc.uint8Array({ maxLength: 20 }) }),
);

Deno.test("XdrWriter writes the numbers of RFC 4506 big-endian", () => {
  assertEquals(
    written([
      { kind: "uint", value: 0xfffefdfc },
      { kind: "int", value: -2 },
      { kind: "uhyper", value: 0x0102030405060708n },
      { kind: "hyper", value: -1n },
      { kind: "double", value: 1 },
    ]).toHex(),
    "fffefdfc" + "fffffffe" + "0102030405060708" + "ffffffffffffffff" + "3ff0000000000000",
  );
});

Deno.test("XdrWriter pads strings and opaques to four bytes with zeros, also over older data", () => {
  const writer = new XdrWriter(64);
  writer.string("\xff".repeat(40));
  writer.reset();
  writer.string("vm1");
  writer.optionalString(undefined);
  writer.optionalString("");
  writer.opaque(Uint8Array.of(1, 2, 3, 4, 5));
  assertEquals(
    writer.copy().toHex(),
    "00000003766d3100" + "00000000" + "0000000100000000" + "0102030405000000",
  );
});

Deno.test("XdrReader reads what XdrWriter wrote and leaves nothing over", () => {
  fc.assert(
    fc.property(fc.array(anyItem), (items) => {
      const { reader } = readerOf(written(items));
      for (const item of items) assertEquals(read(reader, item), item.value);
      assertEquals(reader.remaining, 0);
    }),
    { seed: 15, numRuns: 2_000 },
  );
});

Deno.test("XdrReader refuses data cut at any byte, without a look behind its end", () => {
  fc.assert(
    fc.property(fc.array(anyItem, { minLength: 1, maxLength: 5 }), (items) => {
      const whole = written(items);
      for (let length = 0; length < whole.length; length++) {
        const { reader } = readerOf(whole.subarray(0, length), 0xff);
        assertThrows(() => items.forEach((item) => read(reader, item)), XdrError);
      }
    }),
    { seed: 16, numRuns: 300 },
  );
});

Deno.test("XdrReader.string takes nothing out of the data when the length lies", () => {
  for (const length of [9, 12, 65_536, 0x7fff_ffff, 0x8000_0000, 0xffff_fffd, 0xffff_ffff]) {
    const bytes = new Uint8Array(12);
    new DataView(bytes.buffer).setUint32(0, length);
    for (const limit of [8, 65_536, 0xffff_ffff]) {
      const { reader, frame } = readerOf(bytes);
      assertThrows(() => reader.string(limit), XdrError, undefined, `${length}, limit ${limit}`);
      assertEquals(frame.takenBytes, 0);
    }
  }
});

Deno.test("XdrReader.string keeps to its limit", () => {
  const data = written([{ kind: "string", value: "12345678" }]);
  assertEquals(readerOf(data).reader.string(8), "12345678");
  assertThrows(() => readerOf(data).reader.string(7), XdrError);
});

Deno.test("XdrReader.string ends at the first NUL and goes on behind the whole string", () => {
  const data = written([{ kind: "string", value: "ab\0cd" }, { kind: "uint", value: 7 }]);
  const { reader } = readerOf(data);
  assertEquals(reader.string(LIMIT), "ab");
  assertEquals(reader.uint(), 7);
});

Deno.test("XdrReader does not look at padding", () => {
  const { reader } = readerOf(Uint8Array.fromHex("0000000161ffffff" + "62ffffff"));
  assertEquals(reader.string(LIMIT), "a");
  assertEquals(reader.opaque(1), Uint8Array.of(0x62));
  assertEquals(reader.remaining, 0);
});

Deno.test("XdrReader.optionalString takes every number but 0 as presence, as C does", () => {
  for (const flag of ["00000001", "00000002", "ffffffff"]) {
    assertEquals(readerOf(Uint8Array.fromHex(flag + "00000000")).reader.optionalString(9), "");
  }
  assertEquals(readerOf(new Uint8Array(4)).reader.optionalString(9), undefined);
});

Deno.test("XdrReader.count keeps to its limit", () => {
  assertEquals(readerOf(written([{ kind: "uint", value: 3 }])).reader.count(3), 3);
  assertThrows(
    () => readerOf(written([{ kind: "uint", value: 0xffff_ffff }])).reader.count(3),
    XdrError,
  );
});

Deno.test("XdrReader.opaque gives a copy", () => {
  const data = Uint8Array.of(1, 2, 3, 4);
  const reader = new XdrReader();
  reader.reset(data, new DataView(data.buffer), 0, 4);
  const copy = reader.opaque(4);
  data.fill(9);
  assertEquals(copy, Uint8Array.of(1, 2, 3, 4));
});
