/**
 * From a file's extents and a group's regions to what must change, so that the regions cover the extents and nothing else.
 *
 * A region is kept when it lies wholly inside the file's space, since its counters cannot be moved to another; parts that no
 * kept region covers get a new one; a region that sticks out goes.
 */
import type { Span } from "./fiemap.ts";

export interface Member extends Span {
  readonly id: number;
}

export interface Difference {
  /** What is to be covered by new regions: apart from each other and from every kept region, ascending. */
  readonly create: readonly Span[];
  /** Ids of the regions that go, ascending by place. */
  readonly remove: readonly number[];
}

export function endOf({ start, length }: Span): number {
  return start + length;
}

function byStart(a: Span, b: Span): number {
  return a.start - b.start;
}

/**
 * Extents ascending, without overlaps: blocks that a file holds twice (reflink) belong to the first extent that has them.
 * Extents that merely touch stay apart.
 */
export function disjoint(extents: readonly Span[]): Span[] {
  const result: Span[] = [];
  let covered = 0;
  for (const extent of extents.toSorted(byStart)) {
    const start = Math.max(extent.start, covered);
    const end = endOf(extent);
    if (end > start) result.push({ start, length: end - start });
    covered = Math.max(covered, end);
  }
  return result;
}

/** Spans that touch made one; they ascend and do not overlap. */
function runs(extents: readonly Span[]): Span[] {
  const result: { start: number; length: number }[] = [];
  for (const { start, length } of extents) {
    const last = result.at(-1);
    if (last !== undefined && endOf(last) === start) last.length += length;
    else result.push({ start, length });
  }
  return result;
}

/** Parts the members, which ascend, into those inside a run and the others. */
function sift<M extends Member>(
  members: readonly M[],
  within: readonly Span[],
): { kept: M[]; remove: number[] } {
  const kept: M[] = [];
  const remove: number[] = [];
  let at = 0;
  for (const member of members) {
    while (at < within.length && endOf(within[at]) <= member.start) at++;
    const run = within[at];
    const inside = run !== undefined && run.start <= member.start && endOf(member) <= endOf(run);
    if (inside) kept.push(member);
    else remove.push(member.id);
  }
  return { kept, remove };
}

/** The parts of the extents that no member covers; both ascend. */
function uncovered(extents: readonly Span[], members: readonly Span[]): Span[] {
  const gaps: Span[] = [];
  let at = 0;
  let covered = 0;
  for (const extent of extents) {
    let start = Math.max(extent.start, Math.min(covered, endOf(extent)));
    while (at < members.length && members[at].start < endOf(extent)) {
      const member = members[at++];
      if (member.start > start) gaps.push({ start, length: member.start - start });
      covered = Math.max(covered, endOf(member));
      start = Math.min(Math.max(start, covered), endOf(extent));
    }
    if (start < endOf(extent)) gaps.push({ start, length: endOf(extent) - start });
  }
  return gaps;
}

/** What must change. `extents` in any order, also overlapping; `members` in any order, also overlapping. */
export function difference(extents: readonly Span[], members: readonly Member[]): Difference {
  const space = disjoint(extents);
  const { kept, remove } = sift(members.toSorted(byStart), runs(space));
  return { create: uncovered(space, kept), remove };
}

/**
 * The extents and, behind the last one in the file's order, `ahead` sectors, so that I/O of the next appends is counted where they
 * are likely to go. They end at the device's end and before the file's next extent on it. What a region already covers there is
 * enough while half of `ahead` is left, and not too much up to twice of it: so it moves in steps, not with each append. They are a
 * span of their own, since regions are joined inside a span: one of the file's would go with them where the file goes on elsewhere.
 */
export function lookAhead(
  extents: readonly Span[],
  members: readonly Span[],
  ahead: number,
  deviceSectors: number,
): Span[] {
  const last = extents.at(-1);
  if (last === undefined || ahead === 0) return [...extents];
  const end = endOf(last);
  const limit = Math.min(deviceSectors, ...nextStarts(extents, end));
  const reached = coveredUpTo(members, end);
  const isEnough = reached >= end + Math.ceil(ahead / 2) && reached <= end + 2 * ahead;
  const wanted = isEnough ? reached : end + ahead;
  const length = Math.min(wanted, limit) - end;
  return length > 0 ? [...extents, { start: end, length }] : [...extents];
}

function nextStarts(extents: readonly Span[], end: number): number[] {
  let next = Infinity;
  for (const { start } of extents) if (start >= end && start < next) next = start;
  return next === Infinity ? [] : [next];
}

/** How far members cover the device without a gap from `from` on. */
function coveredUpTo(members: readonly Span[], from: number): number {
  let reached = from;
  for (const member of members.toSorted(byStart)) {
    if (member.start <= reached && endOf(member) > reached) reached = endOf(member);
  }
  return reached;
}
