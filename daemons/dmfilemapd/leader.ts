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

/** The spares that occupy every id below the group's, the first of them with the journal. Throws StatsError. */
function occupyLower(seat: Seat, leaderAux: string): number[] {
  const ids = [create(seat, NOWHERE, journalAux(seat.group, leaderAux))];
  while ((ids.at(-1) as number) < seat.group) {
    if (ids.length > LOW_IDS_MAX) {
      for (const id of ids) seat.device.remove(id);
      throw new StatsError("refused", `more than ${LOW_IDS_MAX} ids below the group's are free`);
    }
    ids.push(create(seat, NOWHERE, spareAux(seat.group)));
  }
  return ids;
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
  try {
    return device.remove(group) ? seatLeader(seat, span, tag) : undefined;
  } catch (error) {
    // The place is empty and cannot be filled: better another id than no group.
    if (others.length > 0) return crown(device, { ...tag, ids: others });
    throw error;
  } finally {
    for (const id of spares) device.remove(id);
  }
}

/**
 * Fills the place of a leader that a killed daemon had deleted; the leader's id, another one only if somebody else got the
 * group's. Throws StatsError.
 */
export function restoreLeader(seat: Seat, others: readonly number[]): number {
  const { device, group, style } = seat;
  const spares: number[] = [];
  let id = -1;
  while (id < group && spares.length <= LOW_IDS_MAX) {
    id = create(seat, NOWHERE, spareAux(group));
    spares.push(id);
  }
  const leader = id === group || others.length === 0 ? spares.pop() as number : others[0];
  const ids = id === group ? [group, ...others] : others.length === 0 ? [leader] : others;
  crown(device, { alias: style.alias, ids, user: style.user });
  for (const spare of spares) device.remove(spare);
  return leader;
}

function seatLeader(seat: Seat, span: Span, tag: GroupTag): number {
  const { device, group } = seat;
  const id = create(seat, span, formatGroupTag(tag));
  if (id === group) return id;
  // Somebody was faster. The group lives on under the lowest of its ids.
  device.setAux(id, "-");
  return crown(device, { ...tag, ids: [id, ...tag.ids.slice(1)].sort((a, b) => a - b) });
}

function crown(device: StatsDevice, tag: GroupTag): number {
  device.setAux(tag.ids[0], formatGroupTag(tag));
  return tag.ids[0];
}
