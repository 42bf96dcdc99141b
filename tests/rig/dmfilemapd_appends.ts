/** A file that grows is followed append by append, with and without look-ahead */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure, sh } from "../../tasks/rig/guest/guest.ts";
import { extentsOf, sectorsOf, union } from "./dmfilemapd/extents.ts";
import {
  deleteAll,
  followed,
  mapped,
  median,
  mismatch,
  type Scene,
  sleep,
} from "./dmfilemapd/follower.ts";
import { MIB, O_RDONLY, OpenFile } from "./dmfilemapd/libc.ts";
import { covered } from "./dmfilemapd/stats.ts";
import { cpuMs } from "./dmfilemapd/process.ts";
import { onEach, type Volume } from "./dmfilemapd/volume.ts";

const APPENDS = 50;
const SECTORS_PER_MIB = 2048;

/** The physical extents as filefrag has them, in blocks of 4 KiB. */
function filefrag(path: string): [number, number][] {
  const rows = sh(`filefrag -v ${path}`).matchAll(
    /^\s*\d+:\s+\d+\.\.\s*\d+:\s+(\d+)\.\.\s*(\d+):/gm,
  );
  return [...rows].map(([, first, last]) => [Number(first), Number(last)]);
}

async function oneByOne({ file, stats }: Scene): Promise<void> {
  const [fromWrite, fromSync]: number[][] = [[], []];
  for (let at = 0; at < APPENDS; at++) {
    const began = performance.now();
    file.write(file.size);
    file.sync();
    const synced = performance.now();
    if (await mapped(file, stats, { restMs: 2 }) === undefined) break;
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

/** Without a pause, and written out at the end only. */
async function inARush({ file, stats, daemon }: Scene): Promise<void> {
  const before = cpuMs(daemon.pid);
  for (let at = 0; at < 1000; at++) file.write(file.size, 65_536);
  file.sync();
  check(
    "1,000 appends in a rush are mapped",
    await mapped(file, stats) !== undefined,
    mismatch(file, stats),
  );
  figure("processor time for 1,000 appends", cpuMs(daemon.pid) - before, "ms");
}

/** As somebody else sees the file, when its writer has closed it. */
async function agreesWithFilefrag({ file, stats }: Scene): Promise<void> {
  file.close();
  using closed = OpenFile.open(file.path, O_RDONLY);
  await mapped(closed, stats);
  const fragments = filefrag(file.path).map(([first, last]) => ({
    start: 8 * first,
    length: 8 * (last + 1 - first),
  }));
  const regions = covered(stats.group() ?? { regions: [] });
  equal("filefrag and the regions agree", union(fragments), regions);
}

async function byDefault(volume: Volume): Promise<void> {
  const scene = await followed(volume, OpenFile.create(volume.at("grows")).fill(1));
  const { file, stats, daemon } = scene;
  await oneByOne(scene);
  const idle = (stats.group()?.ids ?? []).filter((id) => stats.print(id).writes === 0).length;
  const extents = extentsOf(file).length;
  check(
    "regions that have counted nothing are made one with their neighbours",
    idle <= extents + 2,
    `${idle} idle regions, ${extents} extents`,
  );
  await inARush(scene);
  await agreesWithFilefrag(scene);
  await daemon.terminate();
  deleteAll();
}

/** The region behind the last extent counts the appends themselves, which none that is made afterwards can. */
async function withLookAhead(volume: Volume): Promise<void> {
  const [mib, ahead] = [48, 16];
  const scene = await followed(volume, OpenFile.create(volume.at("ahead")).fill(1), [], {
    DMFILEMAPD_LOOK_AHEAD: `${ahead}`,
  });
  const { file, stats, daemon } = scene;
  const before = stats.written() ?? 0;
  for (let at = 1; at <= mib; at++) {
    file.write(at * MIB);
    file.sync();
    await sleep(0.1);
  }
  const share = 100 * ((stats.written() ?? 0) - before) / (mib * SECTORS_PER_MIB);
  figure(`sectors of appends that a look-ahead of ${ahead} MiB counts`, share, "%");
  check("most appends are counted with look-ahead", share > 50, `${share} %`);
  const group = stats.group() ?? { regions: [] };
  const beyond = sectorsOf(covered(group)) - sectorsOf(union(extentsOf(file)));
  check(
    "the regions go beyond the file by what was asked for",
    beyond >= 0 && beyond <= ahead * SECTORS_PER_MIB,
    `${beyond} sectors`,
  );
  figure("regions of the group with look-ahead", group.regions.length, "regions");
  await daemon.terminate();
  deleteAll();
}

await onEach(async (volume) => {
  // First, for it is worth nothing where a file goes on elsewhere on the device.
  await withLookAhead(volume);
  await byDefault(volume);
});
