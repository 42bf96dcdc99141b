/** Files that are renamed, unlinked and replaced while they are followed, by inode and by path */
// rig: disk=data:700M limit=180 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure } from "../../tasks/rig/guest/guest.ts";
import {
  alive,
  deleteAll,
  type Ending,
  Foreground,
  mapped,
  mismatch,
  sleep,
  SOON_SECONDS,
} from "./dmfilemapd/follower.ts";
import { Mapping, MIB, O_RDONLY, O_RDWR, OpenFile } from "./dmfilemapd/libc.ts";
import { Volume } from "./dmfilemapd/volume.ts";

const volume = Volume.make("volume", 400);
const { stats } = volume;
const at = (name: string): string => `${volume.folder}/${name}`;

/** One MiB more or less, so that no two files have the same number of blocks. */
function make(name: string, mib: number): OpenFile {
  return OpenFile.create(at(name)).fill(mib);
}

function append(file: OpenFile, offset: number): void {
  file.write(offset);
  file.sync();
}

async function maps(name: string, file: OpenFile, seconds = SOON_SECONDS): Promise<void> {
  const took = await mapped(file, stats, { seconds });
  check(name, took !== undefined, mismatch(file, stats));
}

function endsWith(name: string, code: number, ending: Ending, wanted = /^$/): void {
  equal(`${name}: status`, code, ending.code);
  check(`${name}: what it says`, wanted.test(ending.stderr), ending.stderr);
  figure(`${name}: until its end`, 1000 * ending.seconds, "ms");
}

async function renamedAndUnlinked(): Promise<void> {
  const file = make("first", 2);
  const daemon = await Foreground.create(file.path);
  Deno.renameSync(at("first"), at("second"));
  append(file, 2 * MIB);
  await maps("inode: a renamed file is followed", file);
  Deno.linkSync(at("second"), at("third"));
  Deno.removeSync(at("second"));
  append(file, 3 * MIB);
  await maps("inode: a file that has lost one of two names is followed", file);
  const [reader, writer] = [
    OpenFile.open(at("third"), O_RDONLY),
    OpenFile.open(at("third"), O_RDWR),
  ];
  const mapping = new Mapping(file.fd, MIB);
  Deno.removeSync(at("third"));
  append(writer, 4 * MIB);
  await maps("inode: an unlinked file that others have open is followed", writer);
  file.close();
  writer.close();
  await sleep(1.5);
  check("inode: for a holder that only reads, too", alive(daemon.pid));
  reader.close();
  await sleep(1.5);
  check("inode: and for one that only has it mapped", alive(daemon.pid));
  mapping.close();
  // No event tells of an unmapping: the other holders are looked for from time to time.
  endsWith(
    "inode: after the last holder",
    0,
    await daemon.end(25),
    /^(File unlinked and closed: exiting\.\n)?$/,
  );
  deleteAll();
}

async function unlinked(): Promise<void> {
  const file = make("alone", 2);
  const holder = OpenFile.open(file.path, O_RDONLY);
  const daemon = await Foreground.create(file.path);
  file.close();
  Deno.removeSync(file.path);
  await sleep(1);
  check("inode: with a reader it stays", alive(daemon.pid));
  holder.close();
  endsWith("inode: unlinked, after the reader's close", 0, await daemon.end());
  deleteAll();
}

async function replacedInodes(): Promise<void> {
  make("replaced", 2).close();
  const daemon = await Foreground.create(at("replaced"));
  make("new", 3).close();
  Deno.renameSync(at("new"), at("replaced"));
  endsWith("inode: replaced by a rename", 0, await daemon.end());
  deleteAll();
}

async function replacedAtPath(): Promise<void> {
  make("path", 2).close();
  const daemon = await Foreground.create(at("path"), ["--follow", "path"]);
  const next = make("next", 3);
  Deno.renameSync(at("next"), at("path"));
  await maps("path: a file that replaces it is mapped without a write", next);
  Deno.removeSync(at("path"));
  const third = make("path", 4);
  await maps("path: so is one that comes after an unlink", third);
  Deno.linkSync(at("path"), at("other name"));
  Deno.removeSync(at("other name"));
  append(third, 4 * MIB);
  await maps("path: it is still followed", third);
  equal("path: the group is the one it was", 0, stats.group()?.ids[0]);
  third.close();
  Deno.renameSync(at("path"), at("elsewhere"));
  endsWith("path: renamed and not replaced", 1, await daemon.end(), /./);
  check("path: its group stays", stats.group() !== undefined);
  deleteAll();
}

/** A folder on the way is renamed, and another takes its name. */
async function folderReplaced(): Promise<void> {
  for (const [name, mib] of [["folder", 2], ["folder2", 3]] as const) {
    Deno.mkdirSync(at(name));
    make(`${name}/file`, mib).close();
  }
  const daemon = await Foreground.create(at("folder/file"), ["--follow", "path"]);
  Deno.renameSync(at("folder"), at("old"));
  Deno.renameSync(at("folder2"), at("folder"));
  const file = OpenFile.open(at("folder/file"), O_RDONLY);
  await maps("path: a folder that replaces the file's brings its file", file);
  file.close();
  Deno.removeSync(at("folder/file"));
  endsWith("path: unlinked", 1, await daemon.end(), /./);
  deleteAll();
}

await renamedAndUnlinked();
await unlinked();
await replacedInodes();
await replacedAtPath();
await folderReplaced();
