/** Which neighbouring regions become one, when a group has too many. */
import type { Span } from "./fiemap.ts";
import { endOf, type Member } from "./regions.ts";

/** Members inside one extent that follow each other without a gap, ascending. */
export type Chain<M extends Member> = readonly M[];

/**
 * The chains of two or more members. `extents` are disjoint and ascend, `members` ascend; one that overlaps another, or lies in
 * two extents, belongs to no chain.
 */
export function chains<M extends Member>(extents: readonly Span[], members: readonly M[]): M[][] {
  const result: M[][] = [];
  let chain: M[] = [];
  let at = 0;
  for (const member of members) {
    while (at < extents.length && endOf(extents[at]) <= member.start) at++;
    const extent = extents[at];
    const inside = extent !== undefined && extent.start <= member.start &&
      endOf(member) <= endOf(extent);
    const last = chain.at(-1);
    const follows = last !== undefined && endOf(last) === member.start &&
      extent !== undefined && extent.start <= last.start;
    if (!follows || !inside) {
      result.push(chain);
      chain = [];
    }
    if (inside) chain.push(member);
  }
  result.push(chain);
  return result.filter(({ length }) => length > 1);
}

interface Piece<M> {
  readonly members: M[];
  weight: bigint;
}

/**
 * Which members to merge so that there are `count` fewer, or as near as can be: always the two neighbours that together weigh
 * least. Each result is two or more members that follow each other.
 */
export function chooseMerges<M extends Member>(
  all: readonly Chain<M>[],
  weigh: (member: M) => bigint,
  count: number,
): M[][] {
  const pieces: Piece<M>[][] = all.map((chain) =>
    chain.map((member) => ({ members: [member], weight: weigh(member) }))
  );
  for (let merged = 0; merged < count; merged++) {
    const lightest = lightestPair(pieces);
    if (lightest === undefined) break;
    const { chain, at } = lightest;
    const [left, right] = chain.splice(at, 2);
    chain.splice(at, 0, {
      members: [...left.members, ...right.members],
      weight: left.weight + right.weight,
    });
  }
  return pieces.flat().map(({ members }) => members).filter(({ length }) => length > 1);
}

function lightestPair<M>(
  pieces: readonly Piece<M>[][],
): { chain: Piece<M>[]; at: number } | undefined {
  let lightest: { chain: Piece<M>[]; at: number; weight: bigint } | undefined;
  for (const chain of pieces) {
    for (let at = 0; at + 1 < chain.length; at++) {
      const weight = chain[at].weight + chain[at + 1].weight;
      if (lightest === undefined || weight < lightest.weight) lightest = { chain, at, weight };
    }
  }
  return lightest;
}
