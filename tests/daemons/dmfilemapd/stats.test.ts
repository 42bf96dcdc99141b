import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  createMessage,
  escapeWord,
  parseId,
  parseList,
  parsePrint,
  setAuxMessage,
  subtractCounters,
} from "../../../daemons/dmfilemapd/stats.ts";

const PLAIN = {
  start: 264192,
  length: 2048,
  program: "dmstats",
  aux: "-",
  precise: false,
  histogram: "",
};

Deno.test("createMessage asks for one area, with the features of the leader", () => {
  assertEquals(createMessage(PLAIN), "@stats_create 264192+2048 /1 dmstats -");
  assertEquals(
    createMessage({ ...PLAIN, precise: true, histogram: "1,2", aux: "a b\\c" }),
    "@stats_create 264192+2048 /1 2 precise_timestamps histogram:1,2 dmstats a\\ b\\\\c",
  );
});

Deno.test("setAuxMessage sends one word", () => {
  assertEquals(setAuxMessage(4, "a b"), "@stats_set_aux 4 a\\ b");
  assertEquals(setAuxMessage(4, ""), "@stats_set_aux 4 -");
});

/** dm_split_args of drivers/md/dm-table.c */
function kernelWords(message: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < message.length; i++) {
    if (/[\s\xa0]/.test(message[i])) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + (message[i] === "\\" ? message[++i] : message[i]);
  }
  return word === undefined ? words : [...words, word];
}

Deno.test("escapeWord gives a word that the kernel reads back as it was", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (word) => {
      assertEquals(kernelWords(`x ${escapeWord(word)}`), ["x", word]);
    }),
    { seed: 1, numRuns: 3000 },
  );
});

Deno.test("parseList reads rows with every feature", () => {
  const text = "0: 264192+2048 2048 dmstats DMS_GROUP=f g:0-1,4#-\n" +
    "1: 8+8 4 - - precise_timestamps histogram:1,2,3\n" +
    "garbage\n" +
    "4: 1+1 1 x  histogram:5\n";
  assertEquals(parseList(text), [
    { ...PLAIN, id: 0, step: 2048, aux: "DMS_GROUP=f g:0-1,4#-" },
    {
      id: 1,
      start: 8,
      length: 8,
      step: 4,
      program: "-",
      aux: "-",
      precise: true,
      histogram: "1,2,3",
    },
    {
      id: 4,
      start: 1,
      length: 1,
      step: 1,
      program: "x",
      aux: "",
      precise: false,
      histogram: "5",
    },
  ]);
  assertEquals(parseList(""), []);
});

Deno.test("parsePrint adds up the areas of a region", () => {
  const area = "8+8 1 2 3 4 5 6 7 8 9 10 11 12 13";
  assertEquals(
    parsePrint(`${area}\n`)?.values,
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13].map(BigInt),
  );
  const two = parsePrint(`${area} 1:0:2\n${area} 0:0:18446744073709551615\n`);
  assertEquals(two?.values[12], 26n);
  assertEquals(two?.histogram, [1n, 0n, 18446744073709551617n]);
  assertEquals(parsePrint(""), undefined);
  assertEquals(parsePrint("8+8 1 2\n"), undefined);
});

Deno.test("parseId takes what @stats_create answers and nothing else", () => {
  assertEquals([parseId("12"), parseId("12\n"), parseId(""), parseId("x1")], [
    12,
    12,
    undefined,
    undefined,
  ]);
});

Deno.test("subtractCounters does not go below zero", () => {
  const a = { values: [5n, 1n], histogram: [] };
  assertEquals(subtractCounters(a, { values: [2n, 3n], histogram: [] }).values, [3n, 0n]);
});

Deno.test("the parsers of answers never throw", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      parseList(text);
      parsePrint(text);
      parseId(text);
    }),
    { seed: 2, numRuns: 3000 },
  );
});
