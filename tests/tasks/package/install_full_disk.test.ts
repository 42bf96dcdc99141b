/** The archive's install script on a file system that becomes full at each of its files. */
import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { run } from "../../../tasks/toolchain.ts";
import { installed, nothingIsLost, removed, type Scene, testInterrupted } from "./interrupted.ts";
import { System } from "./small_archive.ts";
import { SmallDisk } from "./small_disk.ts";

/** What a file system is short of: blocks of 4096 bytes, or inodes; and how many hold the system without ours. */
interface Shortage {
  readonly options: (count: number) => string;
  readonly least: number;
  /** Whether all of it is taken before the first file is replaced. */
  readonly early: boolean;
}

const BLOCKS: Shortage = {
  options: (count) => `mode=755,size=${4 * count}k`,
  least: 3,
  early: true,
};

/** tmpfs counts a hard link as an inode. */
const INODES: Shortage = {
  options: (count) => `mode=755,nr_inodes=${count}`,
  least: 12,
  early: false,
};

/** Installs version 2 on a file system of that size. Says whether there was room; if not, makes some, and has it done anew. */
async function hadRoom(
  scene: Scene,
  { options, early }: Shortage,
  count: number,
): Promise<boolean> {
  const [place, at] = [join(scene.folder, `disk-${count}`), `with ${options(count)}`];
  await Deno.mkdir(place);
  await using disk = await SmallDisk.on(place, options(count));
  const system = new System(disk.folder);
  const copied = await run("cp", ["-a", `${scene.untouched.folder}/.`, disk.folder]);
  assertEquals(copied.success, true, `${at}: ${copied.output}`);
  const { success, output } = await run(scene.scripts[1], ["--root", disk.folder]);
  if (success) return true;
  // The second is what dash calls it.
  assertMatch(output, /No space left on device|echo: I\/O error/);
  await nothingIsLost(system, at);
  if (early) assertEquals(await system.files(), scene.before, at);
  const other = await system.copy(join(scene.folder, `copy-${count}`));
  await disk.enlarge();
  await installed(scene, system, at);
  for (const one of [system, other]) await removed(scene, one, at);
  return false;
}

/** Sizes from the least one to that which is enough. */
async function atEachSize(scene: Scene, shortage: Shortage): Promise<void> {
  let count = shortage.least;
  while (!await hadRoom(scene, shortage, count)) count++;
  assertEquals(count - shortage.least > 3, true, "there was room from the beginning");
}

const ignore = Deno.uid() !== 0;

for (
  const [name, shortage] of [
    ["install.sh changes nothing when there is no room for all of its files", BLOCKS],
    ["install.sh loses no original when there is no inode for the next file", INODES],
  ] as const
) {
  if (ignore) console.log(`SKIPPED ${name}: needs root`);
  testInterrupted(name, (scene) => atEachSize(scene, shortage), { ignore });
}
