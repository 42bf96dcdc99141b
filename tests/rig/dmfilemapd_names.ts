/** Files that are renamed, unlinked and replaced while they are followed, by inode and by path */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure } from "../../tasks/rig/guest/guest.ts";
import {
  alive,
  deleteAll,
  type Ending,
  followed,
  mapped,
  mismatch,
  type Scene,
  sleep,
} from "./dmfilemapd/follower.ts";
import { Mapping, MIB, O_RDONLY, OpenFile } from "./dmfilemapd/libc.ts";
import { onEach, type Volume } from "./dmfilemapd/volume.ts";

/** So long a daemon is given to end that should not. */
const PATIENCE_SECONDS = 1;
/** So long there is no folder: the daemon has looked for it by then. */
const NO_FOLDER_SECONDS = 0.3;

function append(file: OpenFile): void {
  file.write(file.size);
  file.sync();
}

async function maps(name: string, { stats }: Pick<Scene, "stats">, file: OpenFile): Promise<void> {
  check(name, await mapped(file, stats) !== undefined, mismatch(file, stats));
}

function endsWith(name: string, code: number, ending: Ending, wanted = /^$/): void {
  equal(`${name}: status`, code, ending.code);
  check(`${name}: what it says`, wanted.test(ending.stderr), ending.stderr);
  figure(`${name}: until its end`, 1000 * ending.seconds, "ms");
}

/** While others have it open, and until the last of them closes it. */
async function renamedAndUnlinked(volume: Volume): Promise<void> {
  const [first, second, third] = ["first", "second", "third"].map((name) => volume.at(name));
  const scene = await followed(volume, OpenFile.create(first).fill(2));
  const { file, daemon } = scene;
  Deno.renameSync(first, second);
  file.write(2 * MIB);
  file.sync();
  await maps("inode: a renamed file is followed", scene, file);
  Deno.linkSync(second, third);
  Deno.removeSync(second);
  file.write(3 * MIB);
  file.sync();
  await maps("inode: a file that has lost one of two names is followed", scene, file);
  const reader = OpenFile.open(third, O_RDONLY);
  Deno.removeSync(third);
  file.write(4 * MIB);
  file.sync();
  await maps("inode: an unlinked file that others have open is followed", scene, file);
  // No event tells of an unmapping: the other holders are looked for from time to time. One file system shows it.
  const mapping = volume.type === "ext4" ? new Mapping(file.fd, MIB) : undefined;
  file.close();
  await sleep(PATIENCE_SECONDS);
  check("inode: for a holder that only reads, too", alive(daemon.pid));
  reader.close();
  if (mapping !== undefined) {
    await sleep(PATIENCE_SECONDS);
    check("inode: and for one that only has it mapped", alive(daemon.pid));
    mapping.close();
  }
  endsWith("inode: after the last holder", 0, await daemon.end());
  deleteAll();
}

/** Nobody else has the file open. */
async function gone(volume: Volume, name: string, remove: (path: string) => void): Promise<void> {
  const file = OpenFile.create(volume.at("alone")).fill(2);
  const { daemon } = await followed(volume, file);
  file.close();
  remove(file.path);
  endsWith(`inode: ${name}`, 0, await daemon.end());
  deleteAll();
}

/** In a folder, whatever file comes to be at the path, until none does. */
async function replacedAtPath(volume: Volume): Promise<void> {
  const [folder, other] = ["folder", "other"].map((name) => volume.at(name));
  for (const each of [folder, other]) Deno.mkdirSync(each);
  const path = `${folder}/file`;
  const make = (at: string, mib: number): OpenFile => OpenFile.create(at).fill(mib);
  const scene = await followed(volume, make(path, 2), ["--follow", "path"]);
  const { stats, daemon } = scene;
  scene.file.close();
  using next = make(`${folder}/next`, 3);
  Deno.renameSync(next.path, path);
  await maps("path: a file that replaces it is mapped without a write", scene, next);
  Deno.removeSync(path);
  using third = make(path, 4);
  await maps("path: so is one that comes after an unlink", scene, third);
  Deno.linkSync(path, `${folder}/link`);
  Deno.removeSync(`${folder}/link`);
  append(third);
  await maps("path: it is still followed", scene, third);
  using brought = make(`${other}/file`, 1);
  Deno.renameSync(folder, volume.at("old"));
  await sleep(NO_FOLDER_SECONDS);
  Deno.renameSync(other, folder);
  await maps("path: a folder that replaces the file's brings its file", scene, brought);
  equal("path: the group is the one it was", 0, stats.group()?.ids[0]);
  Deno.renameSync(path, `${folder}/elsewhere`);
  endsWith("path: renamed and not replaced", 1, await daemon.end(), /./);
  check("path: its group stays", stats.group() !== undefined);
  deleteAll();
}

await onEach(async (volume) => {
  await renamedAndUnlinked(volume);
  await gone(volume, "unlinked", (path) => Deno.removeSync(path));
  await gone(volume, "replaced by a rename", (path) => {
    OpenFile.create(volume.at("new")).fill(3).close();
    Deno.renameSync(volume.at("new"), path);
  });
  await replacedAtPath(volume);
});
