/**
 * What our daemons tell each other behind the data of a message, where lvm2's do not look.
 *
 *     SET_REGION_SYNC:  u32 magic | u32 2^32-1: the sender does not wait for an answer
 *     its response to GET_RESYNC_WORK: the same, so that the choice is known to be by our rules
 *     GET_RESYNC_WORK, FLUSH: u32 magic | u32 2^32-2: what nodes that are no members recovered for long is nobody's
 *     RESUME:           u32 magic | u32 generation of the joiner | u32 flags: 1 = its kernel never stopped |
 *                       u32 the region that its kernel recovers, + 1; 0 for none | u32 regions that it may have written meanwhile…
 *     CHECKPOINT_READY: u32 magic | u32 generation of the joiner | u32 search | u32 flags: 1 = all was in sync once, 2 = orphans, 4 = copied |
 *                       u32 count of urgent regions, of broken ones, of spoiled ones, of known nodes, of held regions, of marks |
 *                       u32 region… | u32 region… | u32 region… | u32 node, 1: runs our daemon… | u32 region, node… |
 *                       u32 region, node… |
 *                       bitmap of orphans | bitmap of copied regions
 */
import type { MirrorLog } from "./log.ts";
import type { Message } from "./message.ts";

const MAGIC = 0x316d_6b68;
const GENERATION_BYTES = 8;
const JOINER_BYTES = GENERATION_BYTES + 8;
/** In place of a generation: the sender answers its kernel when it hears itself. */
export const NO_ANSWER = 0xffff_ffff;
export const LAPSED = 0xffff_fffe;
const HEAD_BYTES = 40;
/** Of lists that a checkpoint's trailer has. */
const COUNTS = 6;
const WHOLE_ONCE = 1;
const HAS_ORPHANS = 2;
const HAS_COPIED = 4;
const LIVE = 1;

/** Whether a message is of one of ours. */
export function hasTrailer({ view, trailer, end }: Message): boolean {
  return end - trailer >= GENERATION_BYTES && view.getUint32(trailer, true) === MAGIC;
}

/** The joiner's generation; only where hasTrailer(). */
export function generationOf({ view, trailer }: Message): number {
  return view.getUint32(trailer + 4, true);
}

/** Writes magic and generation at `offset` and returns the offset behind them. */
export function writeGeneration(view: DataView, offset: number, generation: number): number {
  view.setUint32(offset, MAGIC, true);
  view.setUint32(offset + 4, generation, true);
  return offset + GENERATION_BYTES;
}

/** A joiner's RESUME says whether its kernel never stopped, and what that one recovers. `region`: -1 for none. */
export function writeJoiner(
  view: DataView,
  offset: number,
  generation: number,
  isLive: boolean,
  region: number,
): number {
  const end = writeGeneration(view, offset, generation);
  view.setUint32(end, isLive ? LIVE : 0, true);
  view.setUint32(end + 4, region + 1, true);
  return end + 8;
}

export function isLive(message: Message): boolean {
  const { view, trailer, end } = message;
  return hasTrailer(message) && end - trailer >= JOINER_BYTES &&
    view.getUint32(trailer + GENERATION_BYTES, true) === LIVE;
}

/** The region that a joiner's kernel recovers, or -1; only where isLive(). */
export function recoveredByJoiner({ view, trailer }: Message): number {
  return view.getUint32(trailer + GENERATION_BYTES + 4, true) - 1;
}

/** Behind what writeJoiner() wrote: regions that the joiner's kernel may have written while it was in no group. */
export function writeWritten(view: DataView, offset: number, regions: readonly number[]): void {
  regions.forEach((region, index) => view.setUint32(offset + 4 * index, region, true));
}

/** Those regions; only where isLive(). */
export function writtenByJoiner({ view, trailer, end }: Message): number[] {
  const start = trailer + JOINER_BYTES;
  return Array.from(
    { length: (end - start) >> 2 },
    (_, index) => view.getUint32(start + 4 * index, true),
  );
}

export function trailerBytes({ marks, recovery }: MirrorLog): number {
  const { priority, broken, spoiled, known, held, copied } = recovery;
  const singles = priority.length + broken.size + spoiled.size;
  const pairs = known.size + held.size + marks.size;
  const maps = (marks.orphans.count > 0 ? 1 : 0) + (copied.count > 0 ? 1 : 0);
  return HEAD_BYTES + 4 * singles + 8 * pairs + maps * copied.bytes.length;
}

/** Writes what a checkpoint of the original leaves out. */
export function writeTrailer(
  view: DataView,
  offset: number,
  generation: number,
  log: MirrorLog,
): number {
  const { marks, recovery } = log;
  let at = writeGeneration(view, offset, generation);
  const put = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const putPair = (one: number, other: number): void => {
    put(one);
    put(other);
  };
  put(recovery.search);
  const { orphans } = marks;
  const { priority, broken, spoiled, known, held, copied } = recovery;
  put(
    (log.wholeOnce ? WHOLE_ONCE : 0) | (orphans.count > 0 ? HAS_ORPHANS : 0) |
      (copied.count > 0 ? HAS_COPIED : 0),
  );
  for (const { size } of [{ size: priority.length }, broken, spoiled, known, held, marks]) {
    put(size);
  }
  priority.forEach(put);
  for (const set of [broken, spoiled]) for (const one of set) put(one);
  known.forEach((isOurs, node) => putPair(node, isOurs ? 1 : 0));
  held.forEach((node, region) => putPair(region, node));
  marks.each(putPair);
  for (const map of [orphans, copied]) if (map.count > 0) map.words.forEach(put);
  return at;
}

/** The words behind the generation. */
function words({ view, trailer, end }: Message): number[] {
  const start = trailer + GENERATION_BYTES;
  return Array.from(
    { length: (end - start) >> 2 },
    (_, index) => view.getUint32(start + 4 * index, true),
  );
}

/** What a trailer says, in words of 32 bits. */
interface Trailer {
  readonly search: number;
  readonly flags: number;
  readonly urgent: readonly number[];
  readonly broken: readonly number[];
  readonly spoiled: readonly number[];
  readonly known: readonly Pair[];
  readonly held: readonly Pair[];
  readonly marks: readonly Pair[];
  readonly orphans: readonly number[];
  readonly copied: readonly number[];
}

type Pair = readonly [number, number];

function pairsOf(list: readonly number[]): Pair[] {
  return Array.from({ length: list.length >> 1 }, (_, i): Pair => [list[2 * i], list[2 * i + 1]]);
}

/** undefined where it is none or damaged. */
function parseTrailer(
  message: Message,
  { regionCount, marks: { orphans } }: MirrorLog,
): Trailer | undefined {
  const [search, flags, ...rest] = words(message);
  const counts = rest.splice(0, COUNTS);
  const mapWords = orphans.words.length;
  const maps = [HAS_ORPHANS, HAS_COPIED].map((flag) => (flags & flag) !== 0 ? mapWords : 0);
  const lengths = counts.map((count, index) => index < 3 ? count : 2 * count).concat(maps);
  const all = lengths.reduce((sum, length) => sum + length, 0);
  const isWhole = counts.length === COUNTS && rest.length >= all;
  if (!isWhole || search > regionCount + 1) return undefined;
  const [urgent, broken, spoiled, known, held, marks, lost, copied] = lengths.map((length) =>
    rest.splice(0, length)
  );
  const regions = { urgent, broken, spoiled, held: pairsOf(held), marks: pairsOf(marks) };
  if (!everyRegionIsBelow(regionCount, regions)) return undefined;
  return { search, flags, known: pairsOf(known), orphans: lost, copied, ...regions };
}

type Regions = Pick<Trailer, "urgent" | "broken" | "spoiled" | "held" | "marks">;

function everyRegionIsBelow(
  count: number,
  { urgent, broken, spoiled, held, marks }: Regions,
): boolean {
  return [...urgent, ...broken, ...spoiled].every((region) => region < count) &&
    [...held, ...marks].every(([region]) => region < count);
}

/** Takes a trailer into the log; false, and nothing done, where it is none or damaged. */
export function readTrailer(message: Message, log: MirrorLog): boolean {
  const trailer = parseTrailer(message, log);
  if (trailer === undefined) return false;
  const { recovery, marks } = log;
  recovery.search = trailer.search;
  log.wholeOnce = (trailer.flags & WHOLE_ONCE) !== 0;
  recovery.priority.length = 0;
  // One by one, here and where they are kept over a resume: there may be more than a call takes arguments.
  for (const region of trailer.urgent) recovery.priority.push(region);
  refill(recovery.broken, trailer.broken);
  refill(recovery.spoiled, trailer.spoiled);
  recovery.known.clear();
  for (const [node, isOurs] of trailer.known) recovery.known.set(node, isOurs === 1);
  recovery.copied.empty();
  recovery.copied.words.set(trailer.copied);
  recovery.copied.clearTail();
  recovery.held.clear();
  for (const [region, node] of trailer.held) recovery.held.set(region, node);
  marks.clear();
  for (const [region, node] of trailer.marks) marks.add(region, node);
  marks.orphans.words.set(trailer.orphans);
  marks.orphans.clearTail();
  return true;
}

function refill(set: Set<number>, members: readonly number[]): void {
  set.clear();
  for (const one of members) set.add(one);
}
