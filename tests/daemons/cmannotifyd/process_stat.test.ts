import { assertEquals } from "@std/assert";
import {
  formatMark,
  parseMark,
  parseProcessStat,
} from "../../../daemons/cmannotifyd/process_stat.ts";

const REST = "1 4 5 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 2048 300 18446744073709551615";

Deno.test("parseProcessStat finds its way behind any name", () => {
  const expected = { isAlive: true, group: 4, session: 5, startTicks: 123_456 };
  for (const name of ["sh", "a b", ") R 1 2 3", "((", "a\nb"]) {
    assertEquals(parseProcessStat(`77 (${name}) S ${REST}\n`), expected, name);
  }
});

Deno.test("parseProcessStat takes what has ended for dead, and nothing else", () => {
  const isAlive = (state: string): boolean | undefined =>
    parseProcessStat(`77 (sh) ${state} ${REST}\n`)?.isAlive;
  assertEquals([..."ZXx"].map(isAlive), [false, false, false]);
  assertEquals([..."RSDTtI"].map(isAlive), Array(6).fill(true));
});

Deno.test("parseProcessStat and parseMark refuse other texts", () => {
  const texts = ["", "77", "77 (sh)", "77 (sh) S 1 2", "x y\n", "1 2", "1 2\n3 4\n", " 1 2\n"];
  assertEquals(texts.map(parseProcessStat), texts.map(() => undefined));
  assertEquals(texts.map(parseMark), texts.map(() => undefined));
});

Deno.test("parseMark reads what formatMark wrote", () => {
  const mark = { pid: 4_194_303, startTicks: 9_876_543_210 };
  assertEquals(parseMark(formatMark(mark)), mark);
});
