/** Everything that changes where a file's blocks are: holes, truncation, preallocation, mappings, shared blocks */
// rig: disk=data:700M limit=150 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure, note } from "../../tasks/rig/guest/guest.ts";
import { extentsOf } from "./dmfilemapd/extents.ts";
import { alive, Foreground, mapped, mismatch } from "./dmfilemapd/follower.ts";
import { Mapping, MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { type, Volume } from "./dmfilemapd/volume.ts";

const BLOCK = 4096;
const STORMS = 4;
const SEED = 20_261;

const volume = Volume.make("volume", 600);
const { stats } = volume;
const file = OpenFile.create(`${volume.folder}/data`).fill(16);
const daemon = await Foreground.create(file.path, [], { DMFILEMAPD_CHECK_INTERVAL: "1" });
await mapped(file, stats);

/** After any change the group has the file's blocks, and is the group that it was. */
async function follows(name: string): Promise<void> {
  const took = await mapped(file, stats);
  const wrong = alive(daemon.pid) ? mismatch(file, stats) : "the daemon has ended";
  check(name, took !== undefined, wrong);
  if (took !== undefined) figure(name, took, "ms");
}

/** Sectors that an overwrite of a block past the page cache adds to the group. */
function countedOf(offset: number): number {
  using direct = OpenFile.direct(file.path);
  const before = stats.written() ?? NaN;
  direct.write(offset, BLOCK);
  return (stats.written() ?? NaN) - before;
}

/** Numbers below `bound` that are the same in each run (Numerical Recipes' generator). */
function generator(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * bound);
  };
}

async function holes(): Promise<void> {
  equal("a block is counted before", 8, countedOf(8 * MIB));
  file.punch(0, MIB);
  await follows("the head is punched");
  file.write(0);
  file.sync();
  await follows("the head is filled");
  file.punch(8 * MIB, BLOCK);
  await follows("a block in the middle is punched");
  file.write(8 * MIB, BLOCK);
  file.sync();
  await follows("and filled");
  equal("a block is counted after", 8, countedOf(12 * MIB));
}

function storm(random: (bound: number) => number): void {
  for (let at = 0; at < 200; at++) {
    const offset = BLOCK * random(4096);
    if (random(3) === 0) file.write(offset, BLOCK);
    else file.punch(offset, BLOCK * (1 + random(8)));
  }
  file.sync();
}

async function storms(): Promise<void> {
  note(`seed ${SEED}`);
  const random = generator(SEED);
  for (let round = 1; round <= STORMS; round++) {
    storm(random);
    await follows(`storm ${round} of holes and writes`);
  }
  figure("extents after the storms", extentsOf(file).length, "extents");
}

async function sizes(): Promise<void> {
  file.truncate(5 * MIB);
  await follows("it is truncated");
  file.allocate(5 * MIB, 8 * MIB, true);
  await follows("space behind its end is preallocated");
  file.allocate(5 * MIB, 16 * MIB);
  await follows("and made part of it");
  file.truncate(0);
  file.fill(3);
  await follows("it is truncated to nothing and written anew at once");
}

/** No event tells of it: the file is looked at from time to time as long as somebody can write. */
async function mappings(): Promise<void> {
  file.truncate(0);
  file.truncate(8 * MIB);
  file.write(0, BLOCK);
  file.sync();
  await follows("it has one block and a hole");
  const mapping = new Mapping(file.fd, 8 * MIB);
  for (let page = 0; page < 256; page++) mapping.bytes[4 * MIB + page * BLOCK] = 1;
  mapping.sync();
  await follows("the hole is filled through a mapping");
  mapping.close();
}

/** The blocks of the copy are the file's own again, one by one, as it is overwritten; its size in blocks stays. */
async function sharedBlocks(): Promise<void> {
  file.truncate(0);
  file.fill(4);
  await follows("it is written anew");
  using copy = OpenFile.create(`${volume.folder}/copy`);
  copy.shareFrom(file, 0, 4 * MIB);
  const before = extentsOf(file);
  file.write(MIB);
  file.sync();
  check(
    "copy on write moves blocks",
    String(extentsOf(file).map(({ start }) => start)) !== String(before.map(({ start }) => start)),
  );
  await follows("blocks that were shared are overwritten");
  equal("and are counted at their new place", 8, countedOf(MIB));
}

async function nothingLeft(): Promise<void> {
  file.truncate(0);
  const { code, stderr } = await daemon.end();
  equal("truncated to nothing for good, it ends: status", 0, code);
  check("and says why", stderr === "" || stderr === "File contains no extents: exiting.\n", stderr);
  equal("with its group and all its regions", [], stats.list());
}

await holes();
await storms();
await sizes();
await mappings();
if (type === "xfs") await sharedBlocks();
check("the group is the one that it was", stats.group() !== undefined);
await nothingLeft();
