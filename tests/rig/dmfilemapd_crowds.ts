/** Several daemons and several groups on one device, and one daemon after another for one group */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs
import { check, equal, eventually, figure, sh } from "../../tasks/rig/guest/guest.ts";
import { extentsOf } from "./dmfilemapd/extents.ts";
import {
  awaitDaemon,
  daemons,
  deleteAll,
  ended,
  Foreground,
  mapped,
  mismatch,
  run,
  SOON_SECONDS,
} from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { Volume } from "./dmfilemapd/volume.ts";

const BLOCK = 4096;
const TAG_BYTES = 1000;

const volume = Volume.make("xfs");
const { stats } = volume;

async function maps(name: string, file: OpenFile, id = 0): Promise<void> {
  check(name, await mapped(file, stats, { id }) !== undefined, mismatch(file, stats, id));
}

/** Ids of regions in no group. */
function strays(...groups: readonly number[]): number[] {
  const members = new Set(groups.flatMap((id) => stats.group(id)?.ids ?? []));
  return stats.list().map(({ id }) => id).filter((id) => !members.has(id));
}

/** Two files in one device, whose regions take their ids from one row. */
async function twoFiles(): Promise<void> {
  const [one, two] = ["one", "two"].map((name) => OpenFile.create(volume.at(name)).fill(4));
  const first = await Foreground.create(one.path);
  const second = await Foreground.create(two.path);
  equal(
    "the second file's group is another",
    [true, true],
    [stats.group(0), stats.group(1)].map((group) => group !== undefined),
  );
  two.write(4 * MIB);
  two.sync();
  await maps("a file grows whose group's id is not 0", two, 1);
  for (let at = 0; at < 150; at++) {
    for (const file of [one, two]) file.punch((1 + 2 * at) * BLOCK, BLOCK);
    if (at % 10 === 9) await Promise.all([mapped(one, stats), mapped(two, stats, { id: 1 })]);
  }
  await maps("300 extents of two files: the first is mapped", one, 0);
  await maps("300 extents of two files: so is the second", two, 1);
  figure("extents of one of them", extentsOf(one).length, "extents");
  const tags = [0, 1].map((id) =>
    stats.list().find((region) => region.id === id)?.aux.length ?? Infinity
  );
  check(
    "descriptors are short enough for stock dmstats",
    Math.max(...tags) <= TAG_BYTES,
    tags.join(" "),
  );
  equal("no region is outside of the groups", [], strays(0, 1));
  const listed = run("dmstats list --group --noheadings");
  equal("stock dmstats lists both", [0, "", ["one", "two"]], [
    listed.code,
    listed.stderr,
    [...new Set(listed.stdout.trim().split("\n").map((line) => line.split(":")[0]))].sort(),
  ]);
  sh(`dmstats delete --groupid 0 ${volume.name}`);
  check("the group of the first is deleted, and its daemon ends", (await first.end()).code === 0);
  two.write(5 * MIB);
  two.sync();
  await maps("the other goes on, with low ids free", two, 1);
  equal("under its id", [1], stats.group(1)?.ids.slice(0, 1));
  await second.terminate();
  deleteAll();
}

/** Others own the lowest ids, and free them while the file grows. */
async function foreignIds(): Promise<void> {
  const file = OpenFile.create(volume.at("foreign")).fill(2);
  const foreign = [0, 1, 2].map((at) => stats.create({ start: 8 * at, length: 8 }));
  // dmstats itself cannot make a group whose ids do not begin with 0.
  stats.create(extentsOf(file)[0], "dmstats", "DMS_GROUP=foreign:3#-");
  const daemon = await Foreground.direct(file.path, 3, "inode");
  file.write(2 * MIB);
  file.sync();
  await maps("a group behind foreign ids is mapped", file, 3);
  for (const id of foreign) stats.remove(id);
  for (let at = 0; at < 8; at++) file.punch((1 + 2 * at) * BLOCK, BLOCK);
  await maps("and when these are free, too", file, 3);
  file.punch(0, BLOCK);
  await maps("and when its first extent has gone", file, 3);
  equal("its id is the lowest of its ids", 3, Math.min(...stats.group(3)?.ids ?? []));
  equal("no region is left over", [], strays(3));
  await daemon.terminate();
  deleteAll();
}

/** update_filemap starts a daemon whether or not there is one. */
async function twoForOne(): Promise<void> {
  const file = OpenFile.create(volume.at("single")).fill(2);
  const first = await Foreground.create(file.path);
  sh(`dmstats update_filemap --groupid 0 ${file.path}`);
  const isAlone = await eventually(SOON_SECONDS, () => daemons().size === 1);
  equal("a second daemon for the same leaves it to the first", [true, first.pid], [
    isAlone,
    [...daemons().keys()][0],
  ]);
  sh(`dmstats update_filemap --groupid 0 --follow path ${file.path}`);
  equal("one that is to follow in another way takes its place", 0, (await first.end()).code);
  const next = await awaitDaemon(file.path);
  equal("it follows the path", "path", daemons().get(next)?.[3]);
  file.write(2 * MIB);
  file.sync();
  await maps("and maps the file", file);
  const before = stats.group()?.ids;
  sh(`dmstats update_filemap --nomonitor --groupid 0 ${file.path}`);
  await maps("an update by stock dmstats itself is no harm", file);
  check("the group goes on", before !== undefined && stats.group()?.ids[0] === 0);
  deleteAll();
  check("its end is seen", await ended(next, SOON_SECONDS) !== undefined);
}

await twoFiles();
await foreignIds();
await twoForOne();
