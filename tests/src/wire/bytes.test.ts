import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  decodeBytes,
  encodeBytes,
  fromText,
  toBytes,
  toText,
  toTextExactly,
} from "../../../src/wire/bytes.ts";

const params = { seed: 11, numRuns: 1_000 };

/** Long enough for several of the pieces that decodeBytes() works in. */
const anyBytes = fc.uint8Array({ maxLength: 3_000, size: "max" });

/** Lengths around those pieces. */
const EDGES = [0, 1, 1023, 1024, 1025, 2047, 2048, 2049, 65_536];

Deno.test("decodeBytes gives one character for each byte, whatever the bytes", () => {
  for (const length of EDGES) {
    const text = decodeBytes(new Uint8Array(length).fill(0xe9), 0, length);
    assertEquals(text, "é".repeat(length));
  }
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  assertEquals([...decodeBytes(all, 0, 256)].map((c) => c.charCodeAt(0)), [...all]);
});

Deno.test("decodeBytes reads the given range and nothing else", () => {
  fc.assert(
    fc.property(anyBytes, fc.nat(3_000), fc.nat(3_000), (bytes, a, b) => {
      const [start, end] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
      assertEquals(toBytes(decodeBytes(bytes, start, end)), bytes.slice(start, end));
    }),
    params,
  );
});

Deno.test("encodeBytes writes a byte string at its place only and returns the offset behind it", () => {
  fc.assert(
    fc.property(anyBytes, fc.nat(50), fc.nat(50), (bytes, before, after) => {
      const into = new Uint8Array(before + bytes.length + after).fill(0xaa);
      const end = encodeBytes(decodeBytes(bytes, 0, bytes.length), into, before);
      assertEquals(end, before + bytes.length);
      assertEquals(into.slice(before, end), bytes);
      assertEquals(into.slice(0, before).every((byte) => byte === 0xaa), true);
      assertEquals(into.slice(end).every((byte) => byte === 0xaa), true);
    }),
    params,
  );
});

Deno.test("toText gives back what fromText was given", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assertEquals(toText(fromText(text)), text);
      assertEquals(toTextExactly(fromText(text)), text);
    }),
    params,
  );
  assertEquals(fromText("é"), "\u00c3\u00a9");
});

Deno.test("toTextExactly gives text only where fromText leads back to the very bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 6 }), (bytes) => {
      const name = decodeBytes(bytes, 0, bytes.length);
      const text = toTextExactly(name);
      if (text === undefined) assertEquals(toText(name).includes("\ufffd"), true);
      else assertEquals(fromText(text), name);
    }),
    { ...params, numRuns: 20_000 },
  );
});

Deno.test("toTextExactly is undefined for bytes that are not UTF-8", () => {
  for (const name of ["\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\x80"]) {
    assertEquals(toTextExactly(name), undefined, JSON.stringify(name));
  }
});

Deno.test("toText and toTextExactly keep a byte order mark, which is a part of the name", () => {
  const name = "\xef\xbb\xbfdisk";
  assertEquals(toText(name), "\ufeffdisk");
  assertEquals(toTextExactly(name), "\ufeffdisk");
});
