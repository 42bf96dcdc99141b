/** Everything that changes where a file's blocks are: holes, truncation, preallocation, mappings, shared blocks */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure, note } from "../../tasks/rig/guest/guest.ts";
import { extentsOf } from "./dmfilemapd/extents.ts";
import { alive, followed, mapped, mismatch, type Scene } from "./dmfilemapd/follower.ts";
import { Mapping, MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { onEach } from "./dmfilemapd/volume.ts";

const BLOCK = 4096;
const STORMS = 3;
const SEED = 20_261;

/** After any change the group has the file's blocks, and is the group that it was. */
async function follows({ file, stats, daemon }: Scene, name: string): Promise<void> {
  const took = await mapped(file, stats);
  const wrong = alive(daemon.pid) ? mismatch(file, stats) : "the daemon has ended";
  check(name, took !== undefined, wrong);
  if (took !== undefined) figure(name, took, "ms");
}

/** Sectors that an overwrite of a block past the page cache adds to the group. */
function countedOf({ file, stats }: Scene, offset: number): number {
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

async function holes(scene: Scene): Promise<void> {
  const { file } = scene;
  equal("a block is counted before", 8, countedOf(scene, 8 * MIB));
  file.punch(0, MIB);
  await follows(scene, "the head is punched");
  file.write(0);
  file.sync();
  await follows(scene, "the head is filled");
  file.punch(8 * MIB, BLOCK);
  await follows(scene, "a block in the middle is punched");
  file.write(8 * MIB, BLOCK);
  file.sync();
  await follows(scene, "and filled");
  equal("a block is counted after", 8, countedOf(scene, 12 * MIB));
}

function storm(file: OpenFile, random: (bound: number) => number): void {
  for (let at = 0; at < 200; at++) {
    const offset = BLOCK * random(4096);
    if (random(3) === 0) file.write(offset, BLOCK);
    else file.punch(offset, BLOCK * (1 + random(8)));
  }
  file.sync();
}

async function storms(scene: Scene): Promise<void> {
  note(`seed ${SEED}`);
  const random = generator(SEED);
  for (let round = 1; round <= STORMS; round++) {
    storm(scene.file, random);
    await follows(scene, `storm ${round} of holes and writes`);
  }
  figure("extents after the storms", extentsOf(scene.file).length, "extents");
}

async function sizes(scene: Scene): Promise<void> {
  const { file } = scene;
  file.truncate(5 * MIB);
  await follows(scene, "it is truncated");
  file.allocate(5 * MIB, 8 * MIB, true);
  await follows(scene, "space behind its end is preallocated");
  file.allocate(5 * MIB, 16 * MIB);
  await follows(scene, "and made part of it");
  file.truncate(0);
  file.fill(3);
  await follows(scene, "it is truncated to nothing and written anew at once");
}

/** No event tells of it: the file is looked at from time to time as long as somebody can write. */
async function mappings(scene: Scene): Promise<void> {
  const { file } = scene;
  file.truncate(0);
  file.truncate(8 * MIB);
  file.write(0, BLOCK);
  file.sync();
  await follows(scene, "it has one block and a hole");
  const mapping = new Mapping(file.fd, 8 * MIB);
  for (let page = 0; page < 256; page++) mapping.bytes[4 * MIB + page * BLOCK] = 1;
  mapping.sync();
  await follows(scene, "the hole is filled through a mapping");
  mapping.close();
}

/** The blocks of the copy are the file's own again, one by one, as it is overwritten; its size in blocks stays. */
async function sharedBlocks(scene: Scene): Promise<void> {
  const { volume, file } = scene;
  file.truncate(0);
  file.fill(4);
  await follows(scene, "it is written anew");
  using copy = OpenFile.create(volume.at("copy"));
  copy.shareFrom(file, 0, 4 * MIB);
  const before = extentsOf(file);
  file.write(MIB);
  file.sync();
  check(
    "copy on write moves blocks",
    String(extentsOf(file).map(({ start }) => start)) !== String(before.map(({ start }) => start)),
  );
  await follows(scene, "blocks that were shared are overwritten");
  equal("and are counted at their new place", 8, countedOf(scene, MIB));
}

async function nothingLeft({ file, stats, daemon }: Scene): Promise<void> {
  file.truncate(0);
  const { code, stderr } = await daemon.end();
  equal("truncated to nothing for good, it ends: status", 0, code);
  check("and says why", stderr === "" || stderr === "File contains no extents: exiting.\n", stderr);
  equal("with its group and all its regions", [], stats.list());
}

await onEach(async (volume) => {
  const file = OpenFile.create(volume.at("data")).fill(16);
  const scene = await followed(volume, file, [], { DMFILEMAPD_CHECK_INTERVAL: "1" });
  await holes(scene);
  await storms(scene);
  await sizes(scene);
  await mappings(scene);
  if (volume.type === "xfs") await sharedBlocks(scene);
  check("the group is the one that it was", volume.stats.group() !== undefined);
  await nothingLeft(scene);
});
