import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Span } from "../../../daemons/dmfilemapd/fiemap.ts";
import { difference, disjoint, endOf, lookAhead } from "../../../daemons/dmfilemapd/regions.ts";
import type { Member } from "../../../daemons/dmfilemapd/regions.ts";

const SPACE = 40;

const span = fc.record({
  start: fc.integer({ min: 0, max: SPACE - 1 }),
  length: fc.integer({ min: 1, max: 12 }),
});

function members(spans: readonly Span[]): Member[] {
  return spans.map((one, id) => ({ ...one, id }));
}

function sectors(spans: readonly Span[]): Set<number> {
  const set = new Set<number>();
  for (const { start, length } of spans) for (let i = 0; i < length; i++) set.add(start + i);
  return set;
}

const setup = fc.record({
  extents: fc.array(span, { maxLength: 8 }),
  held: fc.array(span, { maxLength: 8 }),
});

Deno.test("difference leaves exactly the extents covered", () => {
  fc.assert(
    fc.property(setup, ({ extents, held }) => {
      const { create, remove } = difference(extents, members(held));
      const kept = members(held).filter(({ id }) => !remove.includes(id));
      assertEquals(sectors([...kept, ...create]), sectors(extents));
    }),
    { seed: 1, numRuns: 10_000 },
  );
});

Deno.test("difference creates nothing twice, nor where a kept region is", () => {
  fc.assert(
    fc.property(setup, ({ extents, held }) => {
      const { create, remove } = difference(extents, members(held));
      const kept = members(held).filter(({ id }) => !remove.includes(id));
      const total = create.reduce((sum, { length }) => sum + length, 0);
      assertEquals(sectors(create).size, total);
      assertEquals(sectors(create).isDisjointFrom(sectors(kept)), true);
    }),
    { seed: 2, numRuns: 10_000 },
  );
});

Deno.test("difference never removes a region that lies inside the file's space, and always one that sticks out", () => {
  fc.assert(
    fc.property(setup, ({ extents, held }) => {
      const { remove } = difference(extents, members(held));
      const file = sectors(extents);
      const outside = members(held).filter((one) => !sectors([one]).isSubsetOf(file));
      assertEquals([...remove].sort((a, b) => a - b), outside.map(({ id }) => id));
    }),
    { seed: 3, numRuns: 10_000 },
  );
});

Deno.test("difference is empty once it has been applied", () => {
  fc.assert(
    fc.property(setup, ({ extents, held }) => {
      const { create, remove } = difference(extents, members(held));
      const kept = held.filter((_, id) => !remove.includes(id));
      assertEquals(difference(extents, members([...kept, ...create])), { create: [], remove: [] });
    }),
    { seed: 4, numRuns: 10_000 },
  );
});

Deno.test("difference keeps the region of an extent that grows, and adds the new part only", () => {
  const held = members([{ start: 100, length: 50 }]);
  assertEquals(difference([{ start: 100, length: 80 }], held), {
    create: [{ start: 150, length: 30 }],
    remove: [],
  });
});

Deno.test("difference makes a region for each of two extents that merely touch", () => {
  const extents = [{ start: 50, length: 10 }, { start: 40, length: 10 }];
  assertEquals(difference(extents, []).create, [
    { start: 40, length: 10 },
    { start: 50, length: 10 },
  ]);
});

Deno.test("disjoint gives every sector to one extent", () => {
  fc.assert(
    fc.property(fc.array(span, { maxLength: 10 }), (extents) => {
      const parts = disjoint(extents);
      assertEquals(sectors(parts), sectors(extents));
      assertEquals(parts.reduce((sum, { length }) => sum + length, 0), sectors(extents).size);
      assertEquals(parts.every((one, i) => i === 0 || endOf(parts[i - 1]) <= one.start), true);
    }),
    { seed: 5, numRuns: 10_000 },
  );
});

/** What is looked ahead, behind the extents as they are; undefined for nothing. */
function aheadOf(
  extents: readonly Span[],
  covered: readonly Span[],
  ahead: number,
  deviceSectors: number,
): Span | undefined {
  const wanted = lookAhead(extents, covered, ahead, deviceSectors);
  assertEquals(wanted.slice(0, extents.length), extents);
  return wanted.at(extents.length);
}

Deno.test("lookAhead goes on behind the last extent, to the device's end or the next extent at most", () => {
  const last = { start: 100, length: 10 };
  assertEquals(aheadOf([last], [], 0, 1000), undefined);
  assertEquals(aheadOf([], [], 8, 1000), undefined);
  assertEquals(aheadOf([last], [], 32, 1000), { start: 110, length: 32 });
  assertEquals(aheadOf([last], [], 32, 120), { start: 110, length: 10 });
  assertEquals(aheadOf([{ start: 130, length: 5 }, last], [], 32, 1000), {
    start: 110,
    length: 20,
  });
  // A device that has shrunk, or lies: never less than the extent.
  assertEquals(aheadOf([last], [], 32, 50), undefined);
});

Deno.test("lookAhead moves on when half of it is used up", () => {
  const covered = [{ start: 100, length: 42 }];
  assertEquals(aheadOf([{ start: 100, length: 26 }], covered, 32, 1000), {
    start: 126,
    length: 16,
  });
  assertEquals(aheadOf([{ start: 100, length: 27 }], covered, 32, 1000), {
    start: 127,
    length: 32,
  });
});

Deno.test("lookAhead moves back where a file is cut by more than once its length", () => {
  const extents = [{ start: 100, length: 26 }];
  const upTo = (end: number): Span | undefined =>
    aheadOf(extents, [{ start: 100, length: end - 100 }], 32, 1000);
  assertEquals(upTo(126 + 64), { start: 126, length: 64 });
  assertEquals(upTo(126 + 65), { start: 126, length: 32 });
});
