/**
 * The group descriptor: text in the aux_data of a group's leader, which is its lowest region (libdm-stats.c).
 *
 *     DMS_GROUP=ALIAS:LIST#USER
 *
 * LIST is ids and ranges `a-b`, ascending, the leader's own id first. ALIAS stands in double quotes since lvm2 2.03.24; older
 * libraries would show them, so the form that was found is kept. All of it is bytes (src/wire/bytes.ts), as in all messages.
 */
import { GROUP_IDS_MAX, MESSAGE_MAX_BYTES } from "./limits.ts";
import { setAuxMessage } from "./stats.ts";

export interface GroupTag {
  /** As it stands in the tag, quotes included. */
  readonly alias: string;
  /** Ascending, each once. */
  readonly ids: readonly number[];
  /** User data; `-` for none. */
  readonly user: string;
}

const PREFIX = "DMS_GROUP=";
/** The alias ends at the first colon that a list and a # follow, so it may hold colons itself. */
const TAG = /^DMS_GROUP=(.*?):([0-9][0-9,-]*)#(.*)$/s;
const ITEM = /^(\d{1,10})(?:-(\d{1,10}))?$/;

/** Whether the text claims to be a descriptor. */
export function isGroupTag(aux: string): boolean {
  return aux.startsWith(PREFIX);
}

/** Ids in ascending order, or undefined where the list is malformed, not ascending or longer than GROUP_IDS_MAX. */
export function parseIds(list: string): number[] | undefined {
  const ids: number[] = [];
  for (const item of list.split(",")) {
    const match = ITEM.exec(item);
    if (match === null) return undefined;
    const from = Number(match[1]);
    const to = Number(match[2] ?? match[1]);
    const last = ids.at(-1);
    if (to < from || (last !== undefined && from <= last)) return undefined;
    if (ids.length + to - from >= GROUP_IDS_MAX) return undefined;
    for (let id = from; id <= to; id++) ids.push(id);
  }
  return ids;
}

/** `0-2,5` for [0, 1, 2, 5]; the ids ascend. */
export function formatIds(ids: readonly number[]): string {
  const items: string[] = [];
  for (let i = 0; i < ids.length;) {
    let end = i;
    while (end + 1 < ids.length && ids[end + 1] === ids[end] + 1) end++;
    items.push(end === i ? `${ids[i]}` : `${ids[i]}-${ids[end]}`);
    i = end + 1;
  }
  return items.join(",");
}

/** A descriptor, whatever region has it; undefined where the text is none. */
export function parseTag(aux: string): GroupTag | undefined {
  const match = TAG.exec(aux);
  if (match === null) return undefined;
  const [, alias, list, user] = match;
  const ids = parseIds(list);
  return ids === undefined ? undefined : { alias, ids, user };
}

/** The descriptor in region `leader`'s aux_data, or undefined where stock tools would see no group. */
export function parseGroupTag(aux: string, leader: number): GroupTag | undefined {
  const tag = parseTag(aux);
  return tag?.ids[0] === leader ? tag : undefined;
}

export function formatGroupTag({ alias, ids, user }: GroupTag): string {
  return `${PREFIX}${alias}:${formatIds(ids)}#${user}`;
}

/** The name without the newer form's quotes, for people. */
export function aliasName({ alias }: Pick<GroupTag, "alias">): string {
  const quoted = alias.length >= 2 && alias.startsWith('"') && alias.endsWith('"');
  return quoted ? alias.slice(1, -1) : alias;
}

/** Whether stock tools can write this descriptor, and so change it: their messages are bounded. */
export function fitsMessage(tag: GroupTag): boolean {
  return setAuxMessage(tag.ids[0], formatGroupTag(tag)).length <= MESSAGE_MAX_BYTES;
}
