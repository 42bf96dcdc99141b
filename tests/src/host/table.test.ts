import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { printable } from "../../../src/host/printable.ts";
import { formatTable } from "../../../src/host/table.ts";

Deno.test("formatTable aligns columns by characters and leaves no blanks at the end", () => {
  const table = formatTable(["NAME", "PID", "NOTE"], [["a", "1234", ""], ["ähnlich", "5", "x y"]]);
  assertEquals(table, "NAME     PID   NOTE\na        1234\nähnlich  5     x y\n");
});

Deno.test("formatTable has one line a row, whatever the cells hold", () => {
  const cell = fc.string({ unit: fc.nat(0x2ff).map((code) => String.fromCharCode(code)) });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell)), (rows) => {
      const lines = formatTable(["A", "B"], rows).split("\n");
      assertEquals(lines.length, rows.length + 2);
    }),
    { seed: 20_240_312 },
  );
});

Deno.test("printable shows control characters by number", () => {
  assertEquals(printable("a\x00\n\x1b\x7f\x9bé"), "a\\x00\\x0a\\x1b\\x7f\\x9bé");
});
