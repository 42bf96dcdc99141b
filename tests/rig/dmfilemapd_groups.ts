/** What others do to a followed group with stock dmstats: its end, and all that has to survive an update */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.ext4
import { check, equal, figure, sh } from "../../tasks/rig/guest/guest.ts";
import { extentsOf } from "./dmfilemapd/extents.ts";
import { deleteAll, Foreground, mapped, mismatch, run } from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { Volume } from "./dmfilemapd/volume.ts";

/** What the daemon promises, with some slack for emulated processors. One of several trials must keep it: others may have them. */
const PROMISE_SECONDS = 1;
const SLACK_SECONDS = 2;
const ends: number[] = [];

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Nanoseconds. */
const BOUNDS = "10000000,20000000";

const volume = Volume.make("ext4");
const { stats } = volume;
const file = OpenFile.create(volume.at("data")).fill(2);

/** Holes of one block, a block apart. */
function fragment(from: number, count: number): void {
  for (let at = 0; at < count; at++) file.punch(from + 8192 * at, 4096);
  file.sync();
}

function append(): void {
  file.write(file.size);
  file.sync();
}

async function maps(name: string): Promise<void> {
  check(name, await mapped(file, stats) !== undefined, mismatch(file, stats));
}

/** `name` says what has been done to the group. */
async function endsWithGroup(name: string, daemon: Foreground): Promise<void> {
  const { code, stderr, seconds } = await daemon.end();
  figure(`from the end of "${name}" to the daemon's`, 1000 * seconds, "ms");
  equal(`${name}: the daemon ends with status 0, silently`, [0, ""], [code, stderr]);
  ends.push(seconds);
  run("dmstats delete --alldevices --allprograms --allregions");
}

async function endsAfter(command: string): Promise<void> {
  const daemon = await Foreground.create(file.path);
  await mapped(file, stats);
  sh(command);
  await endsWithGroup(command, daemon);
}

/** All that can be said of a group is said of the one that is followed. */
async function survives(): Promise<void> {
  const [{ start, length }] = extentsOf(file);
  // dmstats cannot say all of it at once for a file.
  stats.message(
    `@stats_create ${start}+${length} /1 2 precise_timestamps histogram:${BOUNDS} theirs DMS_GROUP=mine:0#yours`,
  );
  const daemon = await Foreground.direct(file.path, 0, "inode");
  await mapped(file, stats);
  const [{ features }] = stats.list();
  append();
  file.punch(0, MIB / 2);
  fragment(MIB, 20);
  await maps("a group of which all is said that can be is kept up to date");
  const group = stats.group();
  equal("alias and user data survive", ["mine", "yours"], [group?.alias, group?.user]);
  equal("the group is the one it was", 0, group?.ids[0]);
  const styles = new Set(group?.regions.map((region) => `${region.program} ${region.features}`));
  equal("all its regions have program, times and histogram of the first", [`theirs ${features}`], [
    ...styles,
  ]);
  equal("which are what was asked for", `precise_timestamps histogram:${BOUNDS}`, features);
  const listed = sh("dmstats list --allprograms --group --noheadings");
  check("stock dmstats lists it by its alias", /^mine\b/m.test(listed), listed);
  const histogram = sh("dmstats report --allprograms --group --histogram");
  check("and reports its histogram", /10ms/.test(histogram), histogram);
  await daemon.terminate();
  deleteAll();
}

/** Stock commands that do not concern the group, and one that takes a region from it. */
async function bystanders(): Promise<void> {
  const daemon = await Foreground.create(file.path);
  await mapped(file, stats);
  for (let round = 0; round < 2; round++) {
    run(`dmstats create --start 100 --length 8 ${volume.name}`);
    append();
    run("dmstats report");
    fragment(MIB + round * 200_000, 5);
    const foreign = stats.list().find(({ start, length }) => start === 100 && length === 8);
    sh(`dmstats delete --regionid ${foreign?.id} ${volume.name}`);
  }
  await maps("foreign regions come and go, and the group is right");
  equal("its id has not changed", 0, stats.group()?.ids[0]);
  const foreign = stats.list().filter(({ id }) => !stats.group()?.ids.includes(id));
  equal("no region is left outside of the group", [], foreign);
  sh(`dmstats delete --regionid ${stats.group()?.ids.at(-2)} ${volume.name}`);
  await maps("a member that somebody deletes is made anew");
  sh(`dmstats delete --allregions ${volume.name}`);
  await endsWithGroup(`dmstats delete --allregions ${volume.name}`, daemon);
}

await endsAfter(`dmstats delete --groupid 0 ${volume.name}`);
await endsAfter(`dmstats ungroup --groupid 0 ${volume.name}`);
await survives();
await bystanders();
check(
  `a daemon ends within ${PROMISE_SECONDS} s of its group, and ${SLACK_SECONDS} s more where it is emulated`,
  median(ends) <= PROMISE_SECONDS + SLACK_SECONDS,
  `${ends}`,
);
