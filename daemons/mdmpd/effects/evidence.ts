/** Gathers what identity.ts judges by: superblocks, other blocks, hardware. In a child. */
import { BLOCK_BYTES } from "../../../ffi/aio.ts";
import { BITMAP_SUPER_BYTES, eventsCleared } from "../bitmap.ts";
import { type Comparison, type Evidence, type Hardware, judge, type Verdict } from "../identity.ts";
import { SAMPLE_BLOCKS, SAMPLE_TRIES } from "../limits.ts";
import { isMultipath, isUuid } from "../paths.ts";
import {
  decodeSuperblock,
  isSuperblock,
  type Superblock,
  superblockOffset,
  type SuperblockProblem,
  type Version,
  versionOf,
} from "../superblock.ts";
import type { DeviceRef, PathJob } from "../tester_protocol.ts";
import { type BlockResult, isBlock, readBlocks, readGroups, type Reading } from "./device_reads.ts";
import { hardwareOf, numberOf } from "./hardware.ts";

const SECTOR_BYTES = 512;
// include/linux/raid: the personalities' levels
const LEVELS: Readonly<Record<string, number>> = {
  multipath: -4,
  raid1: 1,
  raid4: 4,
  raid5: 5,
  raid6: 6,
  raid10: 10,
};

/** One device as it shows itself now. */
export interface Sighting {
  readonly hardware: Hardware;
  readonly superblock: Superblock | SuperblockProblem | undefined;
}

/** What a test of a path says: its verdict, or that it does not even answer. */
export type Finding = Verdict | { readonly verdict: "dead" | "hung"; readonly reason: string };

function align(bytes: number): number {
  return bytes - bytes % BLOCK_BYTES;
}

/** The superblock's place; undefined where the array has none, or the device no room for one. */
function placeOf(version: Version | undefined, hardware: Hardware): number | undefined {
  return version === undefined
    ? undefined
    : superblockOffset(version, hardware.sectors * SECTOR_BYTES);
}

/** Beside the superblock: the device's middle and end, for disks that work by halves only. */
function offsetsOf(version: Version | undefined, { sectors }: Hardware): number[] {
  const bytes = sectors * SECTOR_BYTES;
  const place = placeOf(version, { sectors, readOnly: false, names: [] });
  const last = Math.max(0, align(bytes) - BLOCK_BYTES);
  return [...(place === undefined ? [0] : [align(place)]), align(last / 2), last];
}

interface Read {
  readonly ref: DeviceRef;
  readonly hardware: Hardware;
  readonly offsets: readonly number[];
}

function planned(ref: DeviceRef, version: Version | undefined): Read | undefined {
  // The name may be another device's by now.
  if (numberOf(ref.name) !== ref.device) return undefined;
  const hardware = hardwareOf(ref.name);
  if (hardware === undefined || hardware.sectors === 0) return undefined;
  return { ref, hardware, offsets: offsetsOf(version, hardware) };
}

/** The first of a device's reads that failed. */
function failureOf(results: readonly BlockResult[]): Finding | undefined {
  for (const result of results) {
    if (isBlock(result)) continue;
    return { verdict: result.hung ? "hung" : "dead", reason: result.failure };
  }
  return undefined;
}

function sightingOf(
  { hardware }: Read,
  results: readonly BlockResult[],
  version: Version | undefined,
): Sighting {
  const place = placeOf(version, hardware);
  const [first] = results;
  if (version === undefined || place === undefined || !isBlock(first)) {
    return { hardware, superblock: undefined };
  }
  return { hardware, superblock: decodeSuperblock(version, first.bytes, place) };
}

/** Reads groups of devices, all at once; tells of each group as soon as it is complete, of each device what it shows. */
export function sightGroups(
  groups: readonly { readonly refs: readonly DeviceRef[]; readonly metadata: string }[],
  reading: Reading,
  done: (group: number, sights: readonly (Sighting | Finding)[]) => void,
): void {
  const plans = groups.map(({ refs, metadata }) => {
    const version = versionOf(metadata);
    return { version, reads: refs.map((ref) => planned(ref, version)) };
  });
  const blocks = plans.map(({ reads }) =>
    reads.flatMap((read) => read?.offsets.map((offset) => ({ of: read.ref, offset })) ?? [])
  );
  readGroups(blocks, reading, (group, results) => {
    const { version, reads } = plans[group];
    let at = 0;
    const sights = reads.map((read): Sighting | Finding => {
      if (read === undefined) return { verdict: "dead", reason: "device not there" };
      const own = results.slice(at, at += read.offsets.length);
      return failureOf(own) ?? sightingOf(read, own, version);
    });
    done(group, sights);
  });
}

export function isSighting(one: Sighting | Finding): one is Sighting {
  return "hardware" in one;
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === bytes[0]);
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}

/** Offsets all over a device: its ends, and others at random, so that a copy made for the purpose does not pass for ever. */
function sampleOffsets({ sectors }: Hardware): number[] {
  const last = Math.max(0, align(sectors * SECTOR_BYTES) - BLOCK_BYTES);
  const random = Array.from({ length: SAMPLE_BLOCKS - 2 }, () => align(Math.random() * last));
  return [0, last, ...random.map(Math.floor)];
}

/**
 * Reads the same blocks by two ways; those that differ are read again, since they may just have been written. Undefined where the other
 * way fails, which says nothing of this one.
 */
function compare(
  a: DeviceRef,
  b: DeviceRef,
  hardware: Hardware,
  reading: Reading,
): Comparison | Finding | undefined {
  let offsets = sampleOffsets(hardware);
  const counts = { equal: 0, telling: 0 };
  for (let i = 0; i < SAMPLE_TRIES && offsets.length > 0; i++) {
    const blocks = offsets.flatMap((offset) => [{ of: a, offset }, { of: b, offset }]);
    const results = readBlocks(blocks, reading);
    const failure = failureOf(results.filter((_, k) => k % 2 === 0));
    if (failure !== undefined) return failure;
    if (!results.every(isBlock)) return undefined;
    const differing = offsets.filter((_, k) => {
      const [mine, other] = [results[2 * k], results[2 * k + 1]];
      if (!isEqual(mine.bytes, other.bytes)) return true;
      counts.equal++;
      if (!isBlank(mine.bytes)) counts.telling++;
      return false;
    });
    offsets = differing;
  }
  return { ...counts, different: offsets.length };
}

/** From which count of events on the array's bitmap is whole, as a working member has it. */
function clearedBefore(
  ref: DeviceRef,
  { superblock, hardware }: Sighting,
  reading: Reading,
): number | undefined {
  if (!isSuperblock(superblock) || superblock.bitmapSectors === undefined) return undefined;
  const place = placeOf(superblock.version, hardware) ?? 0;
  const start = place + superblock.bitmapSectors * SECTOR_BYTES;
  const offset = align(start);
  const [result] = readBlocks([{ of: ref, offset }], reading);
  if (!isBlock(result)) return undefined;
  return eventsCleared(result.bytes.subarray(start - offset, start - offset + BITMAP_SUPER_BYTES));
}

/** The verdict on a path, from what it and the first reference show at this moment. */
function judgeSights(
  { array, references, known, lastEvents, path }: PathJob,
  [candidate, other]: readonly (Sighting | Finding)[],
  reading: Reading,
): Finding {
  if (!isSighting(candidate)) return candidate;
  const reference = other !== undefined && isSighting(other) ? other : undefined;
  const multipath = isMultipath(array);
  const hasSuperblock = array.metadata !== "none";
  const comparison = !multipath || reference === undefined
    ? undefined
    : compare(path, references[0], candidate.hardware, reading);
  if (comparison !== undefined && "verdict" in comparison) return comparison;
  const evidence: Evidence = {
    kind: multipath ? "multipath" : "members",
    arrayUuid: isUuid(array.uuid) ? array.uuid : undefined,
    level: LEVELS[array.personality] ?? NaN,
    hasSuperblock,
    candidate,
    known,
    reference,
    lastEvents,
    comparison,
    eventsCleared: multipath || reference === undefined
      ? undefined
      : clearedBefore(references[0], reference, reading),
  };
  return judge(evidence);
}

/** Whether a path in use answers, and shows this array. */
function judgeInUse({ array }: PathJob, [sighting]: readonly (Sighting | Finding)[]): Finding {
  if (!isSighting(sighting)) return sighting;
  const { superblock } = sighting;
  if (array.metadata === "none") return { verdict: "proven" };
  const isOwn = ({ arrayUuid }: Superblock): boolean =>
    !isUuid(array.uuid) || arrayUuid === array.uuid;
  if (isSuperblock(superblock) && isOwn(superblock)) return { verdict: "proven" };
  const reason = superblock === undefined
    ? "it has no room for a superblock"
    : isSuperblock(superblock)
    ? `it shows array ${superblock.arrayUuid}`
    : superblock.text;
  return { verdict: "foreign", reason: `in use, but ${reason}` };
}

/** Without the first reference, where another one has to do, since that one does not answer while the path does. */
function withoutSilent(
  job: PathJob,
  [candidate, other]: readonly (Sighting | Finding)[],
): PathJob | undefined {
  if (!isSighting(candidate) || other === undefined || isSighting(other)) return undefined;
  return job.references.length > 1 ? { ...job, references: job.references.slice(1) } : undefined;
}

/**
 * Judges the paths of all jobs; `found` is called for each as soon as its devices have answered, with its job as it was answered: the
 * first of the references is the one that did. The others are not even read: md knows nothing of one in reserve that hangs, and none
 * should wait for it. A verdict other than proven is asked for again: a superblock may be written between two reads of it.
 */
export function examineAll(
  jobs: readonly PathJob[],
  reading: Reading,
  found: (job: PathJob, finding: Finding) => void,
  tries = SAMPLE_TRIES,
): void {
  const again: PathJob[] = [];
  const groups = jobs.map(({ kind, path, references, array: { metadata } }) => ({
    refs: kind === "check" ? [path] : [path, ...references.slice(0, 1)],
    metadata,
  }));
  sightGroups(groups, reading, (group, sights) => {
    const job = jobs[group];
    const other = withoutSilent(job, sights);
    if (other !== undefined) return examineAll([other], reading, found, tries);
    const finding = job.kind === "check"
      ? judgeInUse(job, sights)
      : judgeSights(job, sights, reading);
    const { verdict } = finding;
    const isFinal = verdict === "proven" || verdict === "dead" || verdict === "hung";
    if (isFinal || tries <= 1) found(job, finding);
    else again.push(job);
  });
  if (again.length > 0) examineAll(again, reading, found, tries - 1);
}
