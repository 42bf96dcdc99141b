/** What cannot be followed, and what is said of it; names that are hard to handle */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.ext4 needs=mkfs.btrfs
import { check, equal, eventually, sh } from "../../tasks/rig/guest/guest.ts";
import {
  awaitDaemon,
  daemons,
  deleteAll,
  Foreground,
  mapped,
  mismatch,
  run,
  SOON_SECONDS,
} from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { Volume } from "./dmfilemapd/volume.ts";

const volume = Volume.make("ext4");
const { stats } = volume;
const file = OpenFile.create(volume.at("data")).fill(2);

/** Runs the daemon with a file as descriptor 3; what it says, and its status. */
function refuses(name: string, path: string, words: string, wanted: RegExp): void {
  const { code, stdout, stderr } = run(`timeout 60 dmfilemapd ${words} 3<"${path}"`);
  equal(`${name}: status`, 1, code);
  check(`${name}: the reason`, wanted.test(stderr) && stdout === "", `${stdout}${stderr}`);
}

function descriptors(): void {
  const { path } = file;
  refuses(
    "a descriptor that is not open",
    path,
    `9 0 ${path} inode 1`,
    /^fstat failed for fd 9\.\nCould not bind dm_stats handle to file descriptor 9\nExiting$/m,
  );
  refuses("a directory", volume.folder, `3 0 ${volume.folder} inode 1`, /Not a regular file/);
  refuses(
    "a file that is on no device-mapper device",
    "/etc/passwd",
    `3 0 /etc/passwd inode 1`,
    /Cannot map file: not a device-mapper device/,
  );
  refuses("a path without a file", path, `3 0 ${path}-none path 1`, /./);
  refuses(
    "a relative path",
    path,
    `3 0 data inode 1`,
    /^Path argument must specify an absolute path\.$/m,
  );
  refuses(
    "in the background, too",
    "/etc/passwd",
    `3 0 /etc/passwd inode 0`,
    /Cannot map file: not a device-mapper device/,
  );
}

/** A group that is not there: the original crashes. */
function groups(): void {
  const { path } = file;
  for (const group of ["5", "18446744073709551615"]) {
    const { code, stderr } = run(`timeout 60 dmfilemapd 3 ${group} ${path} inode 1 3<${path}`);
    check(
      `group ${group} of none: it ends by itself`,
      code === 0 || code === 1,
      `${code} ${stderr}`,
    );
  }
  stats.create({ start: 0, length: 8 });
  const { code } = run(`timeout 60 dmfilemapd 3 0 ${path} inode 1 3<${path}`);
  check("a region without a group: it ends by itself", code === 0 || code === 1, `${code}`);
  deleteAll();
}

function onBtrfs(): void {
  const other = Volume.make("btrfs", { mib: 200, atMib: 450 });
  const path = other.at("data");
  OpenFile.create(path).fill(2).close();
  refuses(
    "a file on btrfs",
    path,
    `3 0 ${path} inode 1`,
    /Cannot map file: btrfs does not provide physical FIEMAP extent data\./,
  );
  other.unmount();
}

/** Standard input is file descriptor 0: the original follows /dev/null then. */
async function asStandardInput(): Promise<void> {
  sh(`dmstats create --filemap --nomonitor ${file.path}`);
  sh(`dmfilemapd 0 0 ${file.path} inode 0 0 <${file.path}`);
  const pid = await awaitDaemon(file.path);
  file.write(2 * MIB);
  file.sync();
  check(
    "descriptor 0 is followed in the background",
    await mapped(file, stats) !== undefined,
    mismatch(file, stats),
  );
  deleteAll();
  check("until its group goes", await eventually(SOON_SECONDS, () => !daemons().has(pid)));
}

async function names(): Promise<void> {
  const long = `größe 大${"n".repeat(240)}`;
  for (
    const [what, name] of [["blanks and quotes", "a b  \"c' \\ d"], ["250 and other letters", long]]
  ) {
    const odd = OpenFile.create(volume.at(name)).fill(1);
    // dmstats cannot make a group for a name with blanks: the alias is ours.
    stats.create({ start: 0, length: 8 }, "dmstats", `DMS_GROUP=${"x".repeat(500)}:0#-`);
    const daemon = await Foreground.direct(
      odd.path,
      0,
      what === "blanks and quotes" ? "path" : "inode",
    );
    odd.write(MIB);
    for (let block = 0; block < 20; block++) odd.punch(8192 * block, 4096);
    odd.sync();
    check(
      `a file whose name has ${what} is followed`,
      await mapped(odd, stats) !== undefined,
      mismatch(odd, stats),
    );
    equal(`${what}: stock dmstats can read it`, 0, run("dmstats list --group").code);
    await daemon.terminate();
    deleteAll();
  }
}

descriptors();
groups();
onBtrfs();
await asStandardInput();
await names();
