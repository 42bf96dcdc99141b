/** A file of many extents (EXTENTS: the steps): an update takes the time of the change, and touches nothing else */
// rig: disk=data:700M limit=600 memory=2G daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure } from "../../tasks/rig/guest/guest.ts";
import { extentsOf } from "./dmfilemapd/extents.ts";
import {
  followed,
  mapped,
  median,
  mismatch,
  run,
  type Scene,
  sleep,
  status,
} from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { onEach } from "./dmfilemapd/volume.ts";

const BLOCK = 4096;
const MESSAGE_BYTES = 1024;
const ROW_BYTES = 4096;
const CHANGES = 5;
/** Behind all that is fragmented: each change makes a hole that is new. */
const CHANGED_MIB = 41;
const steps = (Deno.env.get("EXTENTS") ?? "100,1000").split(",").map(Number);

/** Makes a file of `count` extents of one that has `from`: every other block at its beginning is a hole. */
async function fragment({ file, stats }: Scene, from: number, count: number): Promise<void> {
  const began = performance.now();
  for (let hole = from; hole < count; hole++) file.punch((2 * hole - 1) * BLOCK, BLOCK);
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
async function update({ file, stats }: Scene, step: number, count: number): Promise<void> {
  const times: number[] = [];
  const regions = stats.group()?.ids.length ?? 0;
  for (let change = 0; change < CHANGES; change++) {
    const before = new Set(stats.group()?.ids);
    const began = performance.now();
    file.punch(CHANGED_MIB * MIB + (step * CHANGES + change) * 4 * BLOCK, BLOCK);
    await mapped(file, stats);
    times.push(performance.now() - began);
    const { ids = [] } = stats.group() ?? {};
    const untouched = ids.filter((id) => before.has(id)).length;
    if (untouched < before.size - 3) {
      check("only what has changed is touched", false, `${untouched} of ${before.size}`);
    }
    // The daemon rests after an update; what is measured is one that comes when it does not.
    await sleep(0.5);
  }
  equal(
    `${CHANGES} holes in a file of ${count} extents are mapped, each by a region more`,
    ["", CHANGES],
    [mismatch(file, stats).slice(0, 300), (stats.group()?.ids.length ?? 0) - regions],
  );
  figure(`from a hole to its regions in a file of ${count} extents, median`, median(times), "ms");
}

/** What stock tools can bear. */
function isBearable({ stats }: Scene): void {
  const rows = stats.message("@stats_list").split("\n");
  const longest = Math.max(...rows.map((row) => row.length));
  check("every row is short enough for stock tools", longest < ROW_BYTES, `${longest} bytes`);
  const tag = stats.list()[0].aux.length;
  check("so is the group's descriptor", tag < MESSAGE_BYTES, `${tag} bytes`);
  const { code, stdout, stderr } = run("dmstats list --group --noheadings");
  equal("stock dmstats lists the group", [0, ""], [code, stderr]);
  check("by its name", stdout.startsWith("data"), stdout.slice(0, 200));
}

/** The end of a file of many extents. */
async function truncated({ file, stats, daemon }: Scene): Promise<void> {
  const began = performance.now();
  file.truncate(0);
  const { code } = await daemon.end(60);
  figure(
    "from the truncation to the end with all regions deleted",
    performance.now() - began,
    "ms",
  );
  equal("truncated to nothing it ends: status, and regions left", [0, 0], [
    code,
    stats.list().length,
  ]);
}

await onEach(async (volume) => {
  const scene = await followed(volume, OpenFile.create(volume.at("data")).fill(48));
  let extents = 1;
  for (const [step, count] of steps.entries()) {
    await fragment(scene, extents, count);
    await update(scene, step, count);
    extents = count;
  }
  isBearable(scene);
  figure("extents", extentsOf(scene.file).length, "extents");
  figure("regions", scene.stats.group()?.ids.length ?? 0, "regions");
  figure("resident memory", parseInt(status(scene.daemon.pid, "VmRSS")), "KiB");
  await truncated(scene);
});
