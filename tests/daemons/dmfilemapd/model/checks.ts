/** What must be so of a device once an update is over. */
import type { Span } from "../../../../daemons/dmfilemapd/fiemap.ts";
import { parseMark } from "../../../../daemons/dmfilemapd/marks.ts";
import {
  IN_FLIGHT,
  READS,
  SECTORS_READ,
  SECTORS_WRITTEN,
  type SimulatedKernel,
  type StatRow,
  WRITES,
} from "./kernel.ts";
import type { Counted } from "./ledger.ts";
import { type StockGroup, stockGroups } from "./stock_reader.ts";

/** Regions put past the end of any device. */
const FAR_SECTORS = 2 ** 40;
/** The program id of those who are neither the daemon nor a user of its group. */
export const OTHERS = "other";

/** Throws, and says why. */
export function fail(text: string): never {
  throw new Error(text);
}

/** The group that the daemon serves, as stock tools see it. */
export function oursIn(kernel: SimulatedKernel): StockGroup | undefined {
  return stockGroups(kernel).find(({ alias }) => alias.startsWith("ours"));
}

/** Members that count something. */
export function covering({ members }: StockGroup): readonly StatRow[] {
  return members.filter(({ start }) => start < FAR_SECTORS);
}

export interface Wanted {
  readonly extents: readonly Span[];
  /** How many regions there may be. */
  readonly regionsMax: number;
  /** Why extents may lack regions. For want of a longer descriptor even a region that should go may stay, of memory the leader. */
  readonly shortage: string | undefined;
  /** Whether a daemon was killed after others had taken the group's id: then a spare of the old id may be left. */
  readonly wasRenamed: boolean;
}

/** Regions that cover the extents, each sector once, and nothing else; and nothing is left lying about. */
export function checkRegions(kernel: SimulatedKernel, wanted: Wanted): void {
  const group = oursIn(kernel) ?? fail("there is no group");
  const members = new Set(group.members.map(({ id }) => id));
  for (const { id, program, aux, start } of kernel.rows) {
    if (program === OTHERS || members.has(id)) continue;
    if (!wanted.wasRenamed || start < FAR_SECTORS) fail(`region ${id} belongs to nobody: ${aux}`);
  }
  const regions = covering(group);
  const covered = sectorsOf(regions.map(spanOf));
  const inFile = sectorsOf(wanted.extents).all;
  if (covered.twice > 0) fail("a sector is covered twice");
  const mayStay = wanted.shortage === "memory"
    ? sectorsOf([group.members[0]].map(spanOf)).all
    : new Set();
  const outside = [...covered.all.difference(inFile).difference(mayStay)];
  if (outside.length > 0 && wanted.shortage !== "descriptor") {
    fail(`sectors outside the file are covered: ${outside}`);
  }
  const lacking = [...inFile.difference(covered.all)];
  if (lacking.length > 0 && wanted.shortage === undefined) {
    fail(`sectors are not covered: ${lacking}`);
  }
  if (regions.length > wanted.regionsMax) {
    fail(`${regions.length} regions for ${wanted.extents.length} extents`);
  }
}

function spanOf({ start, end }: StatRow): Span {
  return { start, length: end - start };
}

function sectorsOf(spans: readonly Span[]): { all: Set<number>; twice: number } {
  const all = new Set<number>();
  let total = 0;
  for (const { start, length } of spans) {
    total += length;
    for (let i = 0; i < length; i++) all.add(start + i);
  }
  return { all, twice: total - all.size };
}

/** What regions have counted and what they carry. Throws where the counters of one do not fit together. */
export function countsOf(kernel: SimulatedKernel): Counted[] {
  const group = oursIn(kernel) ?? fail("there is no group");
  return covering(group).map((row) => {
    const { id, start, end, aux, counters, bins, bounds } = row;
    const mark = parseMark(aux)?.mark;
    const carry = mark?.kind === "member" ? mark.carry : { values: [], histogram: [] };
    const total = (at: number): number => counters[at] + Number(carry.values[at] ?? 0n);
    if (total(IN_FLIGHT) !== 0) fail(`region ${id} carries I/O that was under way`);
    const binned = [...bins, ...carry.histogram.map(Number)].reduce((sum, bin) => sum + bin, 0);
    if (bounds.length > 0 && binned !== total(READS) + total(WRITES)) {
      fail(`region ${id}: the histogram has ${binned} of ${total(READS) + total(WRITES)} I/Os`);
    }
    return { id, start, end, written: total(SECTORS_WRITTEN), read: total(SECTORS_READ) };
  });
}
