import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  aliasName,
  fitsMessage,
  formatGroupTag,
  formatIds,
  parseGroupTag,
  parseIds,
} from "../../../daemons/dmfilemapd/group_tag.ts";
import { formatMark, parseMark } from "../../../daemons/dmfilemapd/marks.ts";

Deno.test("parseGroupTag reads the old and the new form of the alias, and keeps it", () => {
  for (const aux of ["DMS_GROUP=f:0-1,4#-", 'DMS_GROUP="a b:c":0-1,4#my data#:1#']) {
    const tag = parseGroupTag(aux, 0);
    assertEquals(tag?.ids, [0, 1, 4]);
    assertEquals(tag && formatGroupTag(tag), aux);
  }
  const quoted = parseGroupTag('DMS_GROUP="a b:c":0#-', 0);
  assertEquals(quoted && aliasName(quoted), "a b:c");
});

Deno.test("parseGroupTag sees no group where stock tools see none", () => {
  assertEquals(parseGroupTag("DMS_GROUP=f:0-1#-", 1), undefined);
  assertEquals(parseGroupTag("-", 0), undefined);
  assertEquals(parseGroupTag("DMS_GROUP=f:#-", 0), undefined);
  assertEquals(parseGroupTag("DMS_GROUP=f:0-1", 0), undefined);
});

Deno.test("parseIds refuses what is not ascending, malformed or too long", () => {
  for (const list of ["", "1,", "a", "2-1", "3,3", "5,1", "0--1", "0-9999999999"]) {
    assertEquals(parseIds(list), undefined, list);
  }
});

Deno.test("formatIds and parseIds are inverse", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(60), { minLength: 1 }), (some) => {
      const ids = some.sort((a, b) => a - b);
      assertEquals(parseIds(formatIds(ids)), ids);
    }),
    { seed: 1, numRuns: 2000 },
  );
});

Deno.test("fitsMessage holds descriptors to what libdevmapper can send", () => {
  const ids = Array.from({ length: 400 }, (_, i) => 2 * i);
  assertEquals(fitsMessage({ alias: "f", ids, user: "-" }), false);
  assertEquals(fitsMessage({ alias: "f", ids: ids.slice(0, 100), user: "-" }), true);
  assertEquals(fitsMessage({ alias: "\u00a0".repeat(600), ids: [0], user: "-" }), false);
});

Deno.test("parseGroupTag and parseMark never throw", () => {
  fc.assert(
    fc.property(fc.string(), fc.nat(9), (text, leader) => {
      parseGroupTag(`DMS_GROUP=${text}`, leader);
      parseMark(`hostkeep:1:${text}`);
      parseMark(text);
    }),
    { seed: 2, numRuns: 3000 },
  );
});

Deno.test("formatMark and parseMark are inverse", () => {
  const numbers = (length: number): fc.Arbitrary<bigint[]> =>
    fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { minLength: length, maxLength: length });
  const histogram = fc.integer({ min: 0, max: 5 }).chain(numbers);
  const carry = fc.record({ values: numbers(13), histogram });
  const mark = fc.oneof(
    fc.record({ kind: fc.constant("member" as const), carry }),
    fc.record({ kind: fc.constant("spare" as const), carry: fc.option(carry, { nil: undefined }) }),
    fc.record({ kind: fc.constant("journal" as const), leaderAux: fc.string() }),
  );
  fc.assert(
    fc.property(fc.nat(1e6), mark, (group, one) => {
      assertEquals(parseMark(formatMark({ group, mark: one })), { group, mark: one });
    }),
    { seed: 3, numRuns: 2000 },
  );
});
