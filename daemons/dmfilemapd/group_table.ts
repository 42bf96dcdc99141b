/** The regions of a group as we know them, and reading them from a listing. */
import { aliasName, type GroupTag, isGroupTag, parseGroupTag, parseTag } from "./group_tag.ts";
import { formatMark, parseMark } from "./marks.ts";
import type { Member } from "./regions.ts";
import type { Counters, Region } from "./stats.ts";

/**
 * Where regions are put that are to count nothing: past the end of any device, 2 EiB. Stock tools take them as they are.
 */
export const NOWHERE = { start: 2 ** 52, length: 1 } as const;

export interface Held extends Member {
  /** Counts of regions that were merged into this one, on top of its own. */
  readonly carry: Counters | undefined;
}

/** What the new regions of a group have in common, all taken from its leader. */
export interface GroupStyle {
  readonly program: string;
  readonly precise: boolean;
  readonly histogram: string;
  readonly alias: string;
  readonly user: string;
}

export interface GroupTable {
  readonly style: GroupStyle;
  /** By id; the leader is among them. */
  readonly held: Map<number, Held>;
  /** Whether the descriptor names a region that is not there, at which stock tools stumble. */
  readonly stale: boolean;
  /** Ids of regions that a killed daemon of this group left behind. */
  readonly orphans: readonly number[];
  /** Members that still have the mark of a spare, or a descriptor that only the leader has. */
  readonly unsettled: readonly Held[];
}

export function isNowhere({ start }: Member): boolean {
  return start >= NOWHERE.start;
}

function heldOf(region: Region): Held {
  const { id, start, length, aux } = region;
  const mark = parseMark(aux)?.mark;
  return { id, start, length, carry: mark?.kind === "journal" ? undefined : mark?.carry };
}

function styleOf({ program, precise, histogram }: Region, { alias, user }: GroupTag): GroupStyle {
  return { program, precise, histogram, alias, user };
}

/**
 * The group of that id, or undefined when the listing has none. Another program's region is no member, though the descriptor names
 * it: who deletes a region without a tool of libdevmapper's leaves its id in there, and the next one to make a region gets that id.
 */
export function readGroup(rows: readonly Region[], id: number): GroupTable | undefined {
  const leader = rows.find((row) => row.id === id);
  const tag = leader === undefined ? undefined : parseGroupTag(leader.aux, id);
  if (leader === undefined || tag === undefined) return undefined;
  const named = new Set(tag.ids);
  const members = rows.filter((row) => named.has(row.id) && row.program === leader.program);
  return {
    style: styleOf(leader, tag),
    held: new Map(members.map((row) => [row.id, heldOf(row)])),
    stale: members.length < tag.ids.length,
    orphans: orphansOf(rows, id, named),
    unsettled: members.filter((row) =>
      row.id !== id && (parseMark(row.aux)?.mark.kind === "spare" || isGroupTag(row.aux))
    ).map(heldOf),
  };
}

/** Whether the group is not the one that was known, which was deleted, but one that was made since and got its id. */
export function isAnother(
  id: number,
  known: ReadonlyMap<number, Held>,
  { alias, program }: GroupStyle,
  { held, style }: GroupTable,
): boolean {
  const [was, is] = [known.get(id), held.get(id)];
  // What made a region cannot be changed.
  if (program !== style.program) return true;
  return aliasName({ alias }) !== aliasName(style) &&
    (was?.start !== is?.start || was?.length !== is?.length);
}

/** Ids of all regions that some group's descriptor names: whatever marks they have, they are that group's. */
function namedIds(rows: readonly Region[]): Set<number> {
  return new Set(rows.flatMap(({ id, aux }) => parseGroupTag(aux, id)?.ids ?? []));
}

/**
 * Spares of this group. And what is left of a group that went by another id until its leader's place was taken by somebody else: a
 * journal that names members of this one, with all that belongs to it. Never a member, nor one that was ungrouped.
 */
function orphansOf(rows: readonly Region[], id: number, named: ReadonlySet<number>): number[] {
  const former = rows.flatMap((row) => {
    const marked = parseMark(row.aux);
    if (marked?.mark.kind !== "journal" || marked.group === id) return [];
    const ids = parseTag(marked.mark.leaderAux)?.ids ?? [];
    return ids.some((member) => named.has(member)) ? [{ marked, aux: marked.mark.leaderAux }] : [];
  });
  const groups = [id, ...former.map(({ marked }) => marked.group)];
  const spares = new Set(groups.flatMap((group) => spareIds(rows, group)));
  const lost = rows.filter((row) =>
    !named.has(row.id) && former.some(({ aux }) => aux === row.aux)
  );
  for (const row of lost) if (parseGroupTag(row.aux, row.id) === undefined) spares.add(row.id);
  return rows.map((row) => row.id).filter((row) => spares.has(row)).reverse();
}

/** Ids of the regions that were made for a moment only. */
export function spareIds(rows: readonly Region[], group: number): number[] {
  const named = namedIds(rows);
  return rows.filter(({ id, aux }) => {
    const marked = parseMark(aux);
    return marked?.group === group && marked.mark.kind !== "member" && !named.has(id);
  }).map(({ id }) => id);
}

export interface Journal {
  /** The region that has it. */
  readonly id: number;
  /** Ids of other regions that were made on the way. */
  readonly spares: readonly number[];
  /** The descriptor of the leader that was being replaced, as far as its members are still there. */
  readonly tag: GroupTag;
  readonly style: GroupStyle;
}

/** What a daemon that was killed between deleting a leader and making the next one wrote down. */
export function readJournal(rows: readonly Region[], id: number): Journal | undefined {
  for (const row of rows) {
    const marked = parseMark(row.aux);
    if (marked?.group !== id || marked.mark.kind !== "journal") continue;
    const tag = parseTag(marked.mark.leaderAux);
    if (tag === undefined) continue;
    const there = new Set(
      rows.filter(({ program }) => program === row.program).map((other) => other.id),
    );
    const ids = tag.ids.filter((member) => member !== id && there.has(member));
    const { leaderAux } = marked.mark;
    const lost = rows.filter(({ aux }) => aux === leaderAux).map((other) => other.id);
    const spares = [...lost, ...spareIds(rows, id)]
      .filter((spare) => spare !== row.id && !ids.includes(spare));
    return { tag: { ...tag, ids }, style: styleOf(row, tag), id: row.id, spares };
  }
  return undefined;
}

/** The aux_data of a spare region of that group, with what it carries as a member. */
export function spareAux(group: number, carry?: Counters): string {
  return formatMark({ group, mark: { kind: "spare", carry } });
}

/** The aux_data of a member of that group; `-` as stock tools have it, where there is nothing to carry. */
export function memberAux(group: number, carry: Counters | undefined): string {
  return carry === undefined ? "-" : formatMark({ group, mark: { kind: "member", carry } });
}

/** The aux_data of the spare that keeps a leader's own. */
export function journalAux(group: number, leaderAux: string): string {
  return formatMark({ group, mark: { kind: "journal", leaderAux } });
}
