/** Counters of a file that is overwritten and grows at the same time: the group's are the truth */
// rig: disk=data:700M limit=150 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, eventually, figure, sh } from "../../tasks/rig/guest/guest.ts";
import { extentsOf, union } from "./dmfilemapd/extents.ts";
import { Foreground, mapped, mismatch, sleep, SOON_SECONDS } from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { Volume } from "./dmfilemapd/volume.ts";

const SECTORS_PER_MIB = 2048;
/** What an emulated disk may write meanwhile of its journal; 1 MiB of data is 2,048. */
const JOURNAL_SECTORS = 512;
const SEAM_LIMIT = 4;

const volume = Volume.make("volume", 600);
const { stats } = volume;

function written(): number {
  return stats.written() ?? NaN;
}

/** The group's sectors as stock dmstats reports them, which sets them to zero. */
function reported(): number {
  const [line] = sh("dmstats report --group --noheadings -o write_sector_count").split("\n");
  return Number(line);
}

/** Overwrites a MiB past the page cache; how many sectors the group has counted of it. */
function overwrite(direct: OpenFile, offset: number): number {
  const before = written();
  direct.write(offset);
  return written() - before;
}

function append(file: OpenFile): void {
  file.write(file.size);
  file.sync();
}

async function following(
  name: string,
  mib: number,
  scene: (file: OpenFile, direct: OpenFile) => Promise<void>,
): Promise<void> {
  const file = OpenFile.create(`${volume.folder}/${name}`).fill(mib);
  const direct = OpenFile.direct(file.path);
  const daemon = await Foreground.create(file.path);
  await mapped(file, stats);
  await scene(file, direct);
  await daemon.terminate();
  sh("dmstats delete --alldevices --allregions");
}

/** What was overwritten before is not lost when the last extent grows. */
async function overwrittenThenGrown(file: OpenFile, direct: OpenFile): Promise<void> {
  const [groupBefore, diskBefore] = [written(), volume.sectorsWritten];
  for (let at = 0; at < 8; at++) direct.write(at * MIB);
  equal("S1: all overwrites are counted", 8 * SECTORS_PER_MIB, written() - groupBefore);
  const disk = volume.sectorsWritten - diskBefore;
  check(
    "S1: the block layer has counted the same",
    disk >= 8 * SECTORS_PER_MIB && disk <= 8 * SECTORS_PER_MIB + JOURNAL_SECTORS,
    `${disk} sectors`,
  );
  let [lowest, last] = [0, written()];
  for (let at = 0; at < 64; at++) {
    append(file);
    lowest = Math.min(lowest, written() - last);
    last = written();
    await sleep(0.03);
  }
  await mapped(file, stats);
  equal("S1: no append has taken a count away", 0, lowest);
  const total = written();
  figure(
    "S1: share of 64 appends that was counted",
    100 * (total - groupBefore - 8 * SECTORS_PER_MIB) / (64 * SECTORS_PER_MIB),
    "%",
  );
  equal("S1: stock dmstats reports what the regions have counted", total, reported());
  equal(
    "S1: and every part of the grown file counts now",
    file.size / 512,
    sum(file.size / MIB, (at) => overwrite(direct, at * MIB)),
  );
}

function sum(count: number, term: (index: number) => number): number {
  return Array.from({ length: count }, (_, index) => term(index)).reduce((a, b) => a + b, 0);
}

/** The first MiB is overwritten after each append. */
async function grownAndOverwritten(file: OpenFile, direct: OpenFile): Promise<void> {
  const start = reported();
  let overwritten = 0;
  for (let at = 0; at < 64; at++) {
    append(file);
    direct.write(0);
    overwritten += SECTORS_PER_MIB;
    if (at % 8 === 0) await sleep(0.1);
  }
  await mapped(file, stats);
  const total = reported();
  const appended = total - overwritten;
  check(
    "S2: all overwrites are counted while the file grows",
    start >= 0 && appended >= 0 && appended <= 64 * SECTORS_PER_MIB,
    `${total} of ${overwritten}`,
  );
  figure("S2: sectors of appends counted beside", appended, "sectors");
}

/** Each appended MiB is overwritten a little later, so that no region of the tail is without counts. */
async function tailOverwritten(file: OpenFile, direct: OpenFile): Promise<void> {
  let counted = 0;
  let lost = 0;
  for (let at = 0; at < 32; at++) {
    const before = written();
    append(file);
    await mapped(file, stats);
    lost += Math.min(0, written() - before);
    counted += overwrite(direct, file.size - MIB);
  }
  equal("S3: every overwrite of what was just appended is counted", 32 * SECTORS_PER_MIB, counted);
  equal("S3: no count is lost on the way", 0, lost);
  figure("S3: regions of the group", stats.group()?.ids.length ?? 0, "regions");
  equal("S3: stock dmstats reports the sum", written(), reported());
}

/** Sectors written that regions carry for those which were merged into them, as the daemon says; NaN when none does. */
function carried(): number {
  const [one] = JSON.parse(sh("dmfilemapd status --json"));
  return Number(one.carried?.sectorsWritten ?? NaN);
}

/**
 * More seams than are allowed: regions with counts are merged, and these are kept. The space is allocated before it is written
 * to, past the page cache: so each region is there before its counts, and no file system allocates more than it is asked for.
 */
async function merged(): Promise<void> {
  const file = OpenFile.create(`${volume.folder}/merged`).fill(1);
  const direct = OpenFile.direct(file.path);
  const daemon = await Foreground.create(file.path, [], { DMFILEMAPD_SEAM_LIMIT: `${SEAM_LIMIT}` });
  await mapped(file, stats);
  const before = written();
  const count = 24;
  for (let mib = 1; mib <= count; mib++) {
    file.allocate(mib * MIB, MIB);
    await mapped(file, stats);
    direct.write(mib * MIB);
  }
  const counted = before + count * SECTORS_PER_MIB;
  let beside = NaN;
  await eventually(SOON_SECONDS, () => written() + (beside = carried()) === counted);
  equal("seams: the regions are still those of the extents", "", mismatch(file, stats));
  const [regions, extents] = [stats.group()?.ids.length ?? Infinity, union(extentsOf(file)).length];
  check(
    "seams: there are no more regions than the limit allows",
    regions <= extents + SEAM_LIMIT,
    `${regions} regions, ${extents} extents`,
  );
  check("seams: regions with counts were merged", beside > 0, `${beside} sectors`);
  equal("seams: what these had counted is kept beside", counted, written() + beside);
  await daemon.terminate();
}

await following("s1", 8, overwrittenThenGrown);
await following("s2", 1, grownAndOverwritten);
await following("s3", 1, tailOverwritten);
await merged();
