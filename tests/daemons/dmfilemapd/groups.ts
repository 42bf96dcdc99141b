/** Groups on a fake device, as stock tools make and see them. */
import { assert } from "@std/assert";
import type { Span } from "../../../daemons/dmfilemapd/fiemap.ts";
import { type Applied, Group, type GroupNotes } from "../../../daemons/dmfilemapd/group.ts";
import { isNowhere } from "../../../daemons/dmfilemapd/group_table.ts";
import { parseGroupTag } from "../../../daemons/dmfilemapd/group_tag.ts";
import type { FakeDevice } from "./fake_device.ts";

export const LIMITS = { regions: 1000, seams: 4 };
export const SILENT: GroupNotes = {
  created: (): void => {},
  deleted: (): void => {},
  renamed: (): void => {},
};

/** Makes a group as `dmstats create --filemap` does; its id. */
export function stockGroup(device: FakeDevice, spans: readonly Span[], alias = "f"): number {
  const ids = spans.map(({ start, length }) =>
    device.create({ start, length, program: "dmstats", aux: "-", precise: false, histogram: "" })
  );
  device.setAux(ids[0], `DMS_GROUP=${alias}:${ids.join(",")}#-`);
  return ids[0];
}

export function follow(device: FakeDevice, id: number, limits = LIMITS): Group {
  const group = new Group(device, id, limits, SILENT);
  assert(group.refresh());
  return group;
}

export function applyAll(group: Group, extents: readonly Span[]): Applied {
  let applied = group.apply(extents);
  for (let i = 0; applied.more && i < 100; i++) applied = group.apply(extents);
  return applied;
}

/** The members' spans, ascending, as stock tools see them. */
export function seen(device: FakeDevice, id: number): Span[] {
  const tag = parseGroupTag(device.aux(id) ?? "", id);
  if (tag === undefined) throw new Error(`region ${id} has no descriptor: ${device.aux(id)}`);
  const rows = tag.ids.map((member) => {
    const row = device.rows.get(member);
    if (row === undefined) throw new Error(`the descriptor names region ${member}, which is gone`);
    return { start: row.region.start, length: row.region.length, id: member };
  });
  return rows.filter((row) => !isNowhere(row)).sort((a, b) => a.start - b.start)
    .map(({ start, length }) => ({ start, length }));
}

export function foreign(device: FakeDevice): number {
  return device.create({
    start: 0,
    length: 1,
    program: "x",
    aux: "-",
    precise: false,
    histogram: "",
  });
}

/** What the group has counted, with what it carries. */
export function written(device: FakeDevice, group: Group): bigint {
  const own = [...group.members].map(({ id }) => device.rows.get(id)?.values[6] ?? 0n);
  return own.reduce((a, b) => a + b, 0n) + (group.carried?.values[6] ?? 0n);
}
