/** A file of many extents (EXTENTS: the steps): an update takes the time of the change, and touches nothing else */
// rig: disk=data:700M limit=300 memory=2G daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure } from "../../tasks/rig/guest/guest.ts";
import { extentsOf } from "./dmfilemapd/extents.ts";
import { Foreground, mapped, median, mismatch, run, sleep, status } from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { Volume } from "./dmfilemapd/volume.ts";

const BLOCK = 4096;
const MESSAGE_BYTES = 1024;
const ROW_BYTES = 4096;
const CHANGES = 5;

const volume = Volume.make("volume", 600);
const { stats } = volume;
const file = OpenFile.create(`${volume.folder}/data`).fill(48);
const daemon = await Foreground.create(file.path);
await mapped(file, stats);

let punched = 0;

/** Makes it a file of `count` extents: every other block at its beginning is a hole. */
async function fragment(count: number): Promise<void> {
  const began = performance.now();
  for (; punched < count - 1; punched++) file.punch((1 + 2 * punched) * BLOCK, BLOCK);
  const done = performance.now();
  const took = await mapped(file, stats, { seconds: 90, restMs: 100 });
  check(
    `a file of ${count} extents is mapped`,
    took !== undefined,
    mismatch(file, stats).slice(0, 300),
  );
  figure(`holes for ${count} extents`, done - began, "ms");
  if (took !== undefined) figure(`until all of ${count} extents are mapped`, took, "ms");
}

/** Holes in the middle of the last extent: each makes two of it. */
async function update(count: number): Promise<void> {
  const times: number[] = [];
  for (let change = 0; change < CHANGES; change++) {
    const before = new Set(stats.group()?.ids);
    const began = performance.now();
    file.punch((40 * MIB) + (change + count) * 4 * BLOCK, BLOCK);
    await mapped(file, stats, { seconds: 30 });
    times.push(performance.now() - began);
    const { ids = [] } = stats.group() ?? {};
    const untouched = ids.filter((id) => before.has(id)).length;
    if (untouched < before.size - 3) {
      check("only what has changed is touched", false, `${untouched} of ${before.size}`);
    }
    // The daemon rests after an update; what is measured is one that comes when it does not.
    await sleep(1);
  }
  equal(`a hole in a file of ${count} extents is mapped`, "", mismatch(file, stats).slice(0, 300));
  figure(`from a hole to its regions in a file of ${count} extents, median`, median(times), "ms");
}

/** What stock tools can bear. */
function isBearable(): void {
  const rows = stats.message("@stats_list").split("\n");
  const longest = Math.max(...rows.map((row) => row.length));
  check("every row is short enough for stock tools", longest < ROW_BYTES, `${longest} bytes`);
  const tag = stats.list()[0].aux.length;
  check("so is the group's descriptor", tag < MESSAGE_BYTES, `${tag} bytes`);
  const { code, stdout, stderr } = run("dmstats list --group --noheadings");
  equal("stock dmstats lists the group", [0, ""], [code, stderr]);
  check("by its name", stdout.startsWith("data"), stdout.slice(0, 200));
}

const steps = (Deno.env.get("EXTENTS") ?? "10,100,1000").split(",").map(Number);
for (const count of steps) {
  await fragment(count);
  await update(count);
}
isBearable();
figure("extents", extentsOf(file).length, "extents");
figure("regions", stats.group()?.ids.length ?? 0, "regions");
figure("resident memory", parseInt(status(daemon.pid, "VmRSS")), "KiB");
const began = performance.now();
file.truncate(0);
const { code } = await daemon.end(60);
figure("from the truncation to the end with all regions deleted", performance.now() - began, "ms");
equal("truncated to nothing it ends: status, and regions left", [0, 0], [
  code,
  stats.list().length,
]);
