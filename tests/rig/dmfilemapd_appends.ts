/** A file that grows is followed append by append, with and without look-ahead */
// rig: disk=data:700M limit=150 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure, sh } from "../../tasks/rig/guest/guest.ts";
import { extentsOf, sectorsOf, union } from "./dmfilemapd/extents.ts";
import { Foreground, mapped, median, mismatch, sleep } from "./dmfilemapd/follower.ts";
import { OpenFile } from "./dmfilemapd/libc.ts";
import { covered } from "./dmfilemapd/stats.ts";
import { cpuMs } from "./dmfilemapd/process.ts";
import { Volume } from "./dmfilemapd/volume.ts";

const APPENDS = 50;
const SECTORS_PER_MIB = 2048;

const volume = Volume.make("volume", 600);
const { stats } = volume;

/** The physical extents as filefrag has them, in blocks of 4 KiB. */
function filefrag(path: string): [number, number][] {
  const rows = sh(`filefrag -v ${path}`).matchAll(
    /^\s*\d+:\s+\d+\.\.\s*\d+:\s+(\d+)\.\.\s*(\d+):/gm,
  );
  return [...rows].map(([, first, last]) => [Number(first), Number(last)]);
}

async function oneByOne(file: OpenFile): Promise<void> {
  const [fromWrite, fromSync]: number[][] = [[], []];
  for (let at = 0; at < APPENDS; at++) {
    const began = performance.now();
    file.write(file.size);
    file.sync();
    const synced = performance.now();
    if (await mapped(file, stats) === undefined) break;
    fromWrite.push(performance.now() - began);
    fromSync.push(performance.now() - synced);
    await sleep(0.02 + (at % 7) / 50);
  }
  equal(`${APPENDS} appends are mapped one by one`, [APPENDS, ""], [
    fromWrite.length,
    mismatch(file, stats),
  ]);
  figure("from the write to the region, median", median(fromWrite), "ms");
  figure("from the return of fsync to the region, median", median(fromSync), "ms");
  figure("from the return of fsync to the region, longest", Math.max(...fromSync), "ms");
}

async function byDefault(): Promise<void> {
  const file = OpenFile.create(`${volume.folder}/grows`).fill(1);
  const daemon = await Foreground.create(file.path);
  await mapped(file, stats);
  await oneByOne(file);
  const idle = (stats.group()?.ids ?? []).filter((id) => stats.print(id).writes === 0).length;
  const extents = extentsOf(file).length;
  check(
    "regions that have counted nothing are made one with their neighbours",
    idle <= extents + 2,
    `${idle} idle regions, ${extents} extents`,
  );
  await inARush(file, daemon.pid);
  file.close();
  await sleep(1);
  const fragments = filefrag(file.path).map(([first, last]) => ({
    start: 8 * first,
    length: 8 * (last + 1 - first),
  }));
  equal(
    "filefrag and the regions agree",
    union(fragments),
    covered(stats.group() ?? { regions: [] }),
  );
  await daemon.terminate();
  sh("dmstats delete --alldevices --allregions");
}

/** Without a pause, and written out at the end only. */
async function inARush(file: OpenFile, pid: number): Promise<void> {
  const before = cpuMs(pid);
  for (let at = 0; at < 1000; at++) file.write(file.size, 65_536);
  file.sync();
  check(
    "1,000 appends in a rush are mapped",
    await mapped(file, stats) !== undefined,
    mismatch(file, stats),
  );
  figure("processor time for 1,000 appends", cpuMs(pid) - before, "ms");
}

/** The region behind the last extent counts the appends themselves, which none that is made afterwards can. */
async function withLookAhead(): Promise<void> {
  const [mib, ahead] = [64, 16];
  const file = OpenFile.create(`${volume.folder}/ahead`).fill(1);
  const daemon = await Foreground.create(file.path, [], { DMFILEMAPD_LOOK_AHEAD: `${ahead}` });
  await sleep(1);
  const before = stats.written() ?? 0;
  for (let at = 0; at < mib; at++) {
    file.write(file.size);
    file.sync();
    await sleep(0.1);
  }
  const share = 100 * ((stats.written() ?? 0) - before) / (mib * SECTORS_PER_MIB);
  figure("sectors of appends that a look-ahead of 16 MiB counts", share, "%");
  check("most appends are counted with look-ahead", share > 60, `${share} %`);
  const group = stats.group() ?? { regions: [] };
  const beyond = sectorsOf(covered(group)) - sectorsOf(union(extentsOf(file)));
  check(
    "the regions go beyond the file by what was asked for",
    beyond >= 0 && beyond <= ahead * SECTORS_PER_MIB,
    `${beyond} sectors`,
  );
  figure("regions of the group with look-ahead", group.regions.length, "regions");
  await daemon.terminate();
}

await byDefault();
await withLookAhead();
