/** What is done of a difference in one turn, and what is put off or left out. */
import type { Span } from "./fiemap.ts";
import { type Held, isNowhere } from "./group_table.ts";
import { CREATES_PER_TURN, DELETES_PER_TURN } from "./limits.ts";
import { difference, endOf } from "./regions.ts";

export interface Plan {
  /** Members that go, the leader not among them. */
  readonly gone: readonly Held[];
  /** What is to be covered; the first of them by the new leader, if there is to be one. */
  readonly spans: readonly Span[];
  readonly leaderGoes: boolean;
  /** Whether there is more to do in another turn. */
  readonly more: boolean;
  /** Whether not all that is wanted may be there. */
  readonly isShort: boolean;
}

/** `space`: disjoint, ascending; `held`: all members by id; `limit`: how many there may be. */
export function makePlan(
  space: readonly Span[],
  held: ReadonlyMap<number, Held>,
  leader: number,
  limit: number,
): Plan {
  const covering = [...held.values()].filter((member) => !isNowhere(member));
  const { create, remove } = difference(space, covering);
  const isAnchored = !covering.some(({ id }) => id === leader);
  const leaderGoes = remove.includes(leader) || (create.length > 0 && isAnchored);
  const gone = remove.filter((id) => id !== leader).slice(0, DELETES_PER_TURN)
    .map((id) => held.get(id) as Held);
  // A new leader takes the place of the old one.
  const room = Math.max(0, limit - held.size + gone.length + (leaderGoes ? 1 : 0));
  return {
    gone,
    spans: create.slice(0, Math.min(room, CREATES_PER_TURN)),
    leaderGoes,
    more: remove.length > DELETES_PER_TURN || Math.min(create.length, room) > CREATES_PER_TURN,
    isShort: create.length > room && room <= CREATES_PER_TURN,
  };
}

/** The members next to `span` that lie in the same extent of `space`. */
export function neighboursOf(
  span: Span,
  space: readonly Span[],
  members: readonly Held[],
): Held[] {
  const extent = space.find((one) => one.start <= span.start && endOf(span) <= endOf(one));
  if (extent === undefined) return [];
  return members.filter((member) =>
    member.start >= extent.start && endOf(member) <= endOf(extent) &&
    (endOf(member) === span.start || member.start === endOf(span))
  );
}
