import { assertEquals } from "@std/assert";
import { chains, chooseMerges } from "../../../daemons/dmfilemapd/compaction.ts";
import type { Member } from "../../../daemons/dmfilemapd/regions.ts";

function row(...lengths: number[]): Member[] {
  let start = 0;
  return lengths.map((length, id) => {
    const member = { id, start, length };
    start += length;
    return member;
  });
}

function ids(groups: readonly (readonly Member[])[]): number[][] {
  return groups.map((group) => group.map(({ id }) => id));
}

Deno.test("chains are members of one extent without a gap between them", () => {
  const members = [...row(10, 10, 10, 10), { id: 9, start: 50, length: 5 }];
  assertEquals(ids(chains([{ start: 0, length: 100 }], members)), [[0, 1, 2, 3]]);
  const two = [{ start: 0, length: 20 }, { start: 20, length: 80 }];
  assertEquals(ids(chains(two, members)), [[0, 1], [2, 3]]);
  assertEquals(ids(chains([{ start: 5, length: 30 }], members)), [[1, 2]]);
  assertEquals(chains([], members), []);
});

Deno.test("chooseMerges takes the neighbours that have counted least", () => {
  const weights = [9n, 1n, 2n, 8n, 0n];
  const weigh = ({ id }: Member): bigint => weights[id];
  const all = [row(1, 1, 1, 1, 1)];
  assertEquals(ids(chooseMerges(all, weigh, 0)), []);
  assertEquals(ids(chooseMerges(all, weigh, 1)), [[1, 2]]);
  assertEquals(ids(chooseMerges(all, weigh, 2)), [[1, 2], [3, 4]]);
  assertEquals(ids(chooseMerges(all, weigh, 3)), [[1, 2, 3, 4]]);
  assertEquals(ids(chooseMerges(all, weigh, 99)), [[0, 1, 2, 3, 4]]);
});
