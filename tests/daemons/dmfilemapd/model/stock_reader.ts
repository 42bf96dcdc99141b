/** Groups as libdevmapper sees them in a listing (libdm-stats.c), and the limits at which its tools fail. */
import { rowText, type SimulatedKernel, type StatRow } from "./kernel.ts";

/** `char msg[1024]` in _stats_set_aux(). */
const MESSAGE_BYTES = 1024;
/** `char linebuf[4096]`-like bound of a row in _stats_parse_list(). */
const ROW_BYTES = 4096;

export interface StockGroup {
  readonly leader: number;
  readonly alias: string;
  readonly user: string;
  readonly members: readonly StatRow[];
}

/** Thrown where a stock tool would fail, or crash. */
export class StockFailure extends Error {
  override name = "StockFailure";
}

function fail(text: string): never {
  throw new StockFailure(text);
}

/** What stock tools see in the row that has a tag. Throws StockFailure. */
function groupOf(kernel: SimulatedKernel, { id, aux }: StatRow): StockGroup | undefined {
  if (`@stats_set_aux ${id} ${aux}`.length >= MESSAGE_BYTES) {
    fail(`the tag of ${id} cannot be written`);
  }
  const [, head, user] = /^DMS_GROUP=(.*)#(.*)$/.exec(aux) ?? fail(`tag of region ${id}: ${aux}`);
  const colon = head.lastIndexOf(":");
  const ids = head.slice(colon + 1).split(",").flatMap((item) => {
    const [from, to = from] = item.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
  // "Found invalid group descriptor": no group, but no failure either.
  if (ids[0] !== id) return undefined;
  const members = ids.map((member) =>
    kernel.row(member) ?? fail(`the group of ${id} names ${member}, which is not there: ${aux}`)
  );
  if (ids.some((member, i) => i > 0 && member <= ids[i - 1])) fail(`ids do not ascend: ${aux}`);
  return { leader: id, alias: head.slice(0, colon), user, members };
}

/** All groups of the device. Throws StockFailure where a listing would fail. */
export function stockGroups(kernel: SimulatedKernel): StockGroup[] {
  const tooLong = kernel.rows.find((row) => rowText(row).length >= ROW_BYTES);
  if (tooLong !== undefined) fail(`the row of region ${tooLong.id} is too long for any dmstats`);
  const groups = kernel.rows.filter(({ aux }) => aux.startsWith("DMS_GROUP="))
    .map((row) => groupOf(kernel, row)).filter((group) => group !== undefined);
  const taken = groups.flatMap(({ members }) => members.map(({ id }) => id));
  if (new Set(taken).size < taken.length) fail("a region is in two groups");
  return groups;
}

/** `dmstats create --filemap` at a device: a group of a region for each extent, in the file's order. */
export function stockCreate(
  kernel: SimulatedKernel,
  extents: readonly { start: number; length: number }[],
  { alias = "f", program = "dmstats", features = "" } = {},
): number {
  const ids = extents.map(({ start, length }) => {
    const { code, text } = kernel.message(
      `@stats_create ${start}+${length} /1 ${features} ${program} -`,
    );
    return code === 0 ? Number(text) : fail(`create: errno ${code}`);
  });
  const leader = Math.min(...ids);
  writeTag(kernel, { leader, alias, user: "-" }, ids);
  return leader;
}

function writeTag(
  kernel: SimulatedKernel,
  { leader, alias, user }: Omit<StockGroup, "members">,
  ids: readonly number[],
): void {
  const items: string[] = [];
  const sorted = ids.toSorted((a, b) => a - b);
  for (let i = 0; i < sorted.length;) {
    let end = i;
    while (sorted[end + 1] === sorted[end] + 1) end++;
    items.push(end === i ? `${sorted[i]}` : `${sorted[i]}-${sorted[end]}`);
    i = end + 1;
  }
  const list = items.join(",");
  kernel.message(`@stats_set_aux ${leader} DMS_GROUP=${alias}:${list}#${user}`);
}

/** `dmstats delete --regionid` of a member other than the leader: out of the tag first, then deleted. */
export function stockDeleteRegion(kernel: SimulatedKernel, group: StockGroup, id: number): void {
  writeTag(kernel, group, group.members.map((row) => row.id).filter((member) => member !== id));
  kernel.message(`@stats_delete ${id}`);
}

/** `dmstats delete --groupid`: the leader's tag goes first, then every region. */
export function stockDeleteGroup(kernel: SimulatedKernel, { leader, members }: StockGroup): void {
  kernel.message(`@stats_set_aux ${leader} -`);
  for (const { id } of members) kernel.message(`@stats_delete ${id}`);
}

/** `dmstats report --group`, which clears what it has printed. */
export function stockReport(kernel: SimulatedKernel, { members }: StockGroup): void {
  for (const { id } of members) kernel.message(`@stats_print_clear ${id}`);
}
