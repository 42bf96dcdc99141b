import { assertEquals } from "@std/assert";
import * as fc from "fast-check";
import { Scale } from "../../../../tasks/demo/report/scale.ts";

Deno.test("Scale puts the ends of its range at 0 and 100 per cent, and what is outside at the edge", () => {
  const scale = new Scale(10, 30);
  assertEquals([10, 15, 30, -5, 99].map((value) => scale.x(value)), [
    "0%",
    "25%",
    "100%",
    "0%",
    "100%",
  ]);
  assertEquals(scale.width(15, 40), "75%");
});

Deno.test("Scale.ticks are round, in the range, and few, whatever the range is", () => {
  fc.assert(fc.property(
    fc.double({ min: 0, max: 1e4, noNaN: true }),
    fc.double({ min: 0.01, max: 1e4, noNaN: true }),
    (from, span) => {
      const scale = new Scale(from, from + span);
      const ticks = scale.ticks();
      const slack = span * 1e-6;
      return ticks.length <= 7 &&
        ticks.every((tick) => tick >= from - slack && tick <= from + span + slack);
    },
  ));
  assertEquals(new Scale(0, 64).ticks(), [0, 20, 40, 60]);
  assertEquals(new Scale(3.2, 5.1).ticks(), [3.5, 4, 4.5, 5]);
});

Deno.test("Scale of an empty range has one tick and no widths", () => {
  const scale = new Scale(4, 4);
  assertEquals([scale.ticks(), scale.width(4, 4)], [[4], "0%"]);
});

Deno.test("Scale.holds is for texts that have room on the narrowest page", () => {
  const scale = new Scale(0, 100);
  assertEquals(scale.holds("a text of 20 letters", 0, 50), true);
  assertEquals(scale.holds("a text of 20 letters", 0, 40), false);
});
