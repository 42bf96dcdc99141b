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
import { type StatsDevice, StatsError } from "./stats_device.ts";

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
  const ids: number[] = [];
  try {
    ids.push(create(seat, NOWHERE, journalAux(seat.group, leaderAux)));
  } catch (error) {
    // No room for a single region: then without a journal, for the millisecond that it takes, if nothing has to be occupied.
    if (!isMemory(error) || !areLowerTaken(seat)) throw error;
    return ids;
  }
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

function isMemory(error: unknown): boolean {
  return error instanceof StatsError && error.kind === "memory";
}

function areLowerTaken({ device, group }: Seat): boolean {
  return device.list().filter(({ id }) => id < group).length === group;
}

/** The journal, which comes first, goes last. */
function removeSpares(device: StatsDevice, ids: readonly number[]): void {
  for (const id of ids.toReversed()) device.remove(id);
}

/**
 * Deletes the leader and makes a new one at its place, which covers `span`; `others` are the ids of the other members, ascending.
 * The leader's id afterwards: another one only if somebody else got the group's. Undefined when the leader was gone already, and
 * with it the group. Throws StatsError.
 */
export function replaceLeader(
  seat: Seat,
  span: Span,
  others: readonly number[],
): number | undefined {
  const { device, group, style } = seat;
  const tag = { alias: style.alias, ids: [group, ...others], user: style.user };
  const spares = occupyLower(seat, formatGroupTag(tag));
  if (spares === undefined) return undefined;
  try {
    return device.remove(group) ? seatLeader(seat, span, tag, spares[0]) : undefined;
  } catch (error) {
    // The place is empty and cannot be filled: better another id than no group.
    if (others.length > 0) return crown(seat, { ...tag, ids: others }, spares[0]);
    throw error;
  } finally {
    removeSpares(device, spares);
  }
}

/**
 * Fills the place of a leader that a killed daemon had deleted, and which the region `journal` tells of; the leader's id, another
 * one only if somebody else got the group's. Throws StatsError.
 */
export function restoreLeader(seat: Seat, others: readonly number[], journal: number): number {
  const { device, group, style } = seat;
  if (others.length > 0 && others[0] < group) {
    // The group was about to go by another id already.
    return crown(seat, { alias: style.alias, ids: others, user: style.user }, journal);
  }
  const spares: number[] = [];
  let id = -1;
  while (id < group && spares.length <= LOW_IDS_MAX) {
    id = create(seat, NOWHERE, spareAux(group));
    spares.push(id);
  }
  const leader = id === group || others.length === 0 ? spares.pop() as number : others[0];
  const ids = id === group ? [group, ...others] : others.length === 0 ? [leader] : others;
  crown(seat, { alias: style.alias, ids, user: style.user }, journal);
  for (const spare of spares) device.remove(spare);
  return leader;
}

function seatLeader(
  seat: Seat,
  span: Span,
  tag: GroupTag,
  journal: number | undefined,
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
  journal: number | undefined,
): number {
  const [leader] = tag.ids;
  if (leader !== group && journal !== undefined) {
    const ids = [...new Set([group, ...tag.ids])].sort((a, b) => a - b);
    device.setAux(journal, journalAux(group, formatGroupTag({ ...tag, ids })));
  }
  device.setAux(leader, formatGroupTag(tag));
  return leader;
}
