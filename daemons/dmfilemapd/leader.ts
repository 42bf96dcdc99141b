/**
 * Replacing a group's leader: the region whose id is the group's, and which has the group's descriptor.
 *
 * There is no way to do it in one step. The id is free for a moment, and the next region of anybody gets it; and a daemon that is
 * killed in that moment would leave regions without a group. So the descriptor is written to a spare region before.
 */
import { type GroupStyle, journalAux, NOWHERE, spareAux } from "./group_table.ts";
import type { Span } from "./fiemap.ts";
import { formatGroupTag, type GroupTag } from "./group_tag.ts";
import { LOW_IDS_MAX } from "./limits.ts";
import { isMemory, type StatsDevice, StatsError } from "./stats_device.ts";

export interface Seat {
  readonly device: StatsDevice;
  readonly group: number;
  readonly style: GroupStyle;
}

function create({ device, style }: Seat, span: Span, aux: string): number {
  const { program, precise, histogram } = style;
  return device.create({
    start: span.start,
    length: span.length,
    program,
    precise,
    histogram,
    aux,
  });
}

/**
 * The spares that occupy every id below the group's, the first of them with the journal. Undefined when the group's own is free.
 * Throws StatsError.
 */
function occupyLower(seat: Seat, leaderAux: string): number[] | undefined {
  const ids = [create(seat, NOWHERE, journalAux(seat.group, leaderAux))];
  try {
    while ((ids.at(-1) as number) < seat.group) {
      if (ids.length > LOW_IDS_MAX) {
        throw new StatsError("refused", `more than ${LOW_IDS_MAX} ids below the group's are free`);
      }
      ids.push(create(seat, NOWHERE, spareAux(seat.group)));
    }
  } catch (error) {
    removeSpares(seat.device, ids);
    throw error;
  }
  if (ids.at(-1) !== seat.group) return ids;
  removeSpares(seat.device, ids);
  return undefined;
}

/** The journal, which comes first, goes last. */
function removeSpares(device: StatsDevice, ids: readonly number[]): void {
  for (const id of ids.toReversed()) device.remove(id);
}

/** A leader that was replaced. */
export interface Seated {
  /** Another id than the group's only if somebody else got that, or nothing could be put there. */
  readonly id: number;
  /** Why nothing covers the span; what leads instead is a region that was there. */
  readonly failure: unknown;
}

/**
 * Deletes the leader and makes a new one at its place, which covers `span`; `others` are the ids of the other members, ascending.
 * Undefined when the leader was gone already, and with it the group. Throws StatsError, with everything as before.
 */
export function replaceLeader(
  seat: Seat,
  span: Span,
  others: readonly number[],
): Seated | undefined {
  const { device, group, style } = seat;
  const tag = { alias: style.alias, ids: [group, ...others], user: style.user };
  const spares = occupyLower(seat, formatGroupTag(tag));
  if (spares === undefined) return undefined;
  const [journal] = spares;
  let leader: number | undefined;
  try {
    if (!device.remove(group)) return undefined;
    return { id: seatLeader(seat, span, tag, journal), failure: undefined };
  } catch (failure) {
    // The place is empty and cannot be filled: better another id than no group.
    leader = crownOther(seat, others, journal);
    return { id: leader, failure };
  } finally {
    removeSpares(device, spares.filter((id) => id !== leader));
  }
}

/**
 * Fills the place of a leader that a killed daemon had deleted, and which the region `journal` tells of; the leader's id, another
 * one only if somebody else got the group's or nothing could be put there: then it may be the journal's. Throws StatsError.
 */
export function restoreLeader(seat: Seat, others: readonly number[], journal: number): number {
  const { device, group, style } = seat;
  // The group was about to go by another id already.
  if (others.length > 0 && others[0] < group) return crownOther(seat, others, journal);
  const spares: number[] = [];
  let id = -1;
  try {
    while (id < group && spares.length <= LOW_IDS_MAX) {
      id = create(seat, NOWHERE, spareAux(group));
      spares.push(id);
    }
  } catch (error) {
    if (!isMemory(error)) throw error;
    const leader = crownOther(seat, others, journal);
    removeSpares(device, spares);
    return leader;
  }
  const leader = id === group || others.length === 0 ? spares.pop() as number : others[0];
  const ids = id === group ? [group, ...others] : others.length === 0 ? [leader] : others;
  crown(seat, { alias: style.alias, ids, user: style.user }, journal);
  for (const spare of spares) device.remove(spare);
  return leader;
}

/** Makes the first of the other members the leader or, where there is none, the journal itself; its id. */
function crownOther(seat: Seat, others: readonly number[], journal: number): number {
  const { alias, user } = seat.style;
  return crown(seat, { alias, ids: others.length > 0 ? others : [journal], user }, journal);
}

function seatLeader(
  seat: Seat,
  span: Span,
  tag: GroupTag,
  journal: number,
): number {
  const { device, group } = seat;
  const id = create(seat, span, formatGroupTag(tag));
  if (id === group) return id;
  // Somebody was faster. The group lives on under the lowest of its ids.
  const ids = [id, ...tag.ids.slice(1)].sort((a, b) => a - b);
  const leader = crown(seat, { ...tag, ids }, journal);
  if (leader !== id) device.setAux(id, "-");
  return leader;
}

/** Makes the first of the ids the leader. The journal is to name them all, so that it is known to belong to them, whatever their group. */
function crown(
  { device, group }: Seat,
  tag: GroupTag,
  journal: number,
): number {
  const [leader] = tag.ids;
  if (leader !== group && leader !== journal) {
    const ids = [...new Set([group, ...tag.ids])].sort((a, b) => a - b);
    device.setAux(journal, journalAux(group, formatGroupTag({ ...tag, ids })));
  }
  device.setAux(leader, formatGroupTag(tag));
  return leader;
}
