/** Counters of a file that is overwritten and grows at the same time: the group's are the truth */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, eventually, figure, sh } from "../../tasks/rig/guest/guest.ts";
import { extentsOf, union } from "./dmfilemapd/extents.ts";
import {
  deleteAll,
  followed,
  mapped,
  mismatch,
  type Scene,
  sleep,
  SOON_SECONDS,
} from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { onEach, type Volume } from "./dmfilemapd/volume.ts";

const SECTORS_PER_MIB = 2048;
/** What an emulated disk may write meanwhile of its journal; 1 MiB of data is 2,048. */
const JOURNAL_SECTORS = 512;
const SEAM_LIMIT = 4;

/** A followed file, and the same file past the page cache. */
interface Overwritten extends Scene {
  readonly direct: OpenFile;
}

function written({ stats }: Scene): number {
  return stats.written() ?? NaN;
}

/** The group's sectors as stock dmstats reports them, which sets them to zero. */
function reported(): number {
  const [line] = sh("dmstats report --group --noheadings -o write_sector_count").split("\n");
  return Number(line);
}

/** Overwrites a MiB; how many sectors the group has counted of it. */
function overwrite(scene: Overwritten, offset: number): number {
  const before = written(scene);
  scene.direct.write(offset);
  return written(scene) - before;
}

function append({ file }: Scene): void {
  file.write(file.size);
  file.sync();
}

function sum(count: number, term: (index: number) => number): number {
  return Array.from({ length: count }, (_, index) => term(index)).reduce((a, b) => a + b, 0);
}

/** What was overwritten before is not lost when the last extent grows. */
async function overwrittenThenGrown(scene: Overwritten): Promise<void> {
  const { volume, file, stats, direct } = scene;
  const [groupBefore, diskBefore] = [written(scene), volume.sectorsWritten];
  for (let mib = 0; mib < 8; mib++) direct.write(mib * MIB);
  equal("S1: all overwrites are counted", 8 * SECTORS_PER_MIB, written(scene) - groupBefore);
  const disk = volume.sectorsWritten - diskBefore;
  check(
    "S1: the block layer has counted the same",
    disk >= 8 * SECTORS_PER_MIB && disk <= 8 * SECTORS_PER_MIB + JOURNAL_SECTORS,
    `${disk} sectors`,
  );
  let [lowest, last] = [0, written(scene)];
  const appends = 32;
  for (let at = 0; at < appends; at++) {
    append(scene);
    lowest = Math.min(lowest, written(scene) - last);
    last = written(scene);
    await sleep(0.03);
  }
  await mapped(file, stats);
  equal("S1: no append has taken a count away", 0, lowest);
  const total = written(scene);
  figure(
    `S1: share of ${appends} appends that was counted`,
    100 * (total - groupBefore - 8 * SECTORS_PER_MIB) / (appends * SECTORS_PER_MIB),
    "%",
  );
  equal("S1: stock dmstats reports what the regions have counted", total, reported());
  equal(
    "S1: and every part of the grown file counts now",
    file.size / 512,
    sum(file.size / MIB, (mib) => overwrite(scene, mib * MIB)),
  );
}

/** The first MiB is overwritten after each append. */
async function grownAndOverwritten(scene: Overwritten): Promise<void> {
  const appends = 32;
  reported();
  for (let at = 0; at < appends; at++) {
    append(scene);
    scene.direct.write(0);
    if (at % 8 === 0) await sleep(0.1);
  }
  await mapped(scene.file, scene.stats);
  const overwritten = appends * SECTORS_PER_MIB;
  const appended = reported() - overwritten;
  check(
    "S2: all overwrites are counted while the file grows",
    appended >= 0 && appended <= appends * SECTORS_PER_MIB,
    `${appended} more than ${overwritten}`,
  );
  figure("S2: sectors of appends counted beside", appended, "sectors");
}

/** Each appended MiB is overwritten a little later, so that no region of the tail is without counts. */
async function tailOverwritten(scene: Overwritten): Promise<void> {
  const { file, stats } = scene;
  const appends = 16;
  let [counted, lost] = [0, 0];
  for (let at = 0; at < appends; at++) {
    const before = written(scene);
    append(scene);
    await mapped(file, stats);
    lost += Math.min(0, written(scene) - before);
    counted += overwrite(scene, file.size - MIB);
  }
  const truth = appends * SECTORS_PER_MIB;
  equal("S3: every overwrite of what was just appended is counted", truth, counted);
  equal("S3: no count is lost on the way", 0, lost);
  figure("S3: regions of the group", stats.group()?.ids.length ?? 0, "regions");
  equal("S3: stock dmstats reports the sum", written(scene), reported());
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
async function merged(scene: Overwritten): Promise<void> {
  const { file, stats, direct } = scene;
  const before = written(scene);
  const count = 24;
  for (let mib = 1; mib <= count; mib++) {
    file.allocate(mib * MIB, MIB);
    await mapped(file, stats);
    direct.write(mib * MIB);
  }
  const counted = before + count * SECTORS_PER_MIB;
  let beside = NaN;
  await eventually(SOON_SECONDS, () => written(scene) + (beside = carried()) === counted);
  equal("seams: the regions are still those of the extents", "", mismatch(file, stats));
  const [regions, extents] = [stats.group()?.ids.length ?? Infinity, union(extentsOf(file)).length];
  check(
    "seams: there are no more regions than the limit allows",
    regions <= extents + SEAM_LIMIT,
    `${regions} regions, ${extents} extents`,
  );
  check("seams: regions with counts were merged", beside > 0, `${beside} sectors`);
  equal("seams: what these had counted is kept beside", counted, written(scene) + beside);
}

/** Plays scenes on one file, one after the other. */
async function play(
  volume: Volume,
  mib: number,
  env: Record<string, string>,
  ...scenes: readonly ((scene: Overwritten) => Promise<void>)[]
): Promise<void> {
  using file = OpenFile.create(volume.at(`file${mib}`)).fill(mib);
  using direct = OpenFile.direct(file.path);
  const scene = { ...await followed(volume, file, [], env), direct };
  for (const each of scenes) await each(scene);
  await scene.daemon.terminate();
  deleteAll();
}

await onEach(async (volume) => {
  await play(volume, 8, {}, overwrittenThenGrown, grownAndOverwritten, tailOverwritten);
  await play(volume, 1, { DMFILEMAPD_SEAM_LIMIT: `${SEAM_LIMIT}` }, merged);
});
