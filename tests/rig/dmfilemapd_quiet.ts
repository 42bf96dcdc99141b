/** What the daemon does not do: wake up, write data out, hold a file system, collect watches, descriptors and memory */
// rig: disk=data:700M limit=200 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure, sh } from "../../tasks/rig/guest/guest.ts";
import {
  cpuMs,
  inotifyWatches,
  openDescriptors,
  residentKib,
  switches,
} from "./dmfilemapd/process.ts";
import { deleteAll, Foreground, mapped, mismatch, run, sleep } from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { Volume } from "./dmfilemapd/volume.ts";

const IDLE_SECONDS = 60;
/** After a start the daemon gives back memory, once. */
const SETTLE_SECONDS = 3;

const volume = Volume.make("volume", 600, { mount: "noatime" });
const { stats } = volume;
const at = (name: string): string => `${volume.folder}/${name}`;

/** Both modes at the same time: nobody has the files open for writing. */
async function idle(): Promise<void> {
  for (const name of ["idle-inode", "idle-path"]) OpenFile.create(at(name)).fill(2).close();
  const followers = [
    await Foreground.create(at("idle-inode")),
    await Foreground.create(at("idle-path"), ["--follow", "path"]),
  ];
  await sleep(SETTLE_SECONDS);
  const states = (): unknown[] => followers.map(({ pid }) => [switches(pid), cpuMs(pid)]);
  const before = states();
  await sleep(IDLE_SECONDS);
  equal(
    `no wake-up and no processor time in ${IDLE_SECONDS} s, by inode and by path`,
    before,
    states(),
  );
  for (const follower of followers) await follower.terminate();
  deleteAll();
}

/** The original calls FIEMAP with FIEMAP_FLAG_SYNC, which defeats delayed allocation. */
async function writesNothingOut(): Promise<void> {
  const file = OpenFile.create(at("delayed")).fill(2);
  const daemon = await Foreground.create(file.path);
  await mapped(file, stats);
  sh("sync");
  const before = volume.sectorsWritten;
  for (let mib = 2; mib < 22; mib++) file.write(mib * MIB);
  await sleep(3);
  equal(
    "an append of 20 MiB that nobody syncs is not written out in 3 s",
    0,
    volume.sectorsWritten - before,
  );
  sh("sync");
  check("when it is, it is mapped", await mapped(file, stats) !== undefined, mismatch(file, stats));
  file.close();
  await daemon.terminate();
  deleteAll();
}

/** The original makes an inotify instance for each half second in path mode, and ends itself with the 128th. */
async function collectsNothing(): Promise<void> {
  let file = OpenFile.create(at("busy")).fill(1);
  const daemon = await Foreground.create(file.path, ["--follow", "path"]);
  const { pid } = daemon;
  await mapped(file, stats);
  const state = (): unknown[] => [openDescriptors(pid), inotifyWatches(pid)];
  const before = state();
  const resident = residentKib(pid);
  const cpu = cpuMs(pid);
  for (let turn = 0; turn < 300; turn++) {
    const next = OpenFile.create(at("next"));
    for (let block = 0; block < 4; block++) next.write((block + turn % 3) * 8192, 4096);
    next.sync();
    Deno.renameSync(at("next"), at("busy"));
    file.close();
    file = next;
  }
  check(
    "a file that was replaced 300 times is mapped",
    await mapped(file, stats) !== undefined,
    mismatch(file, stats),
  );
  equal("descriptors and watches are what they were", before, state());
  figure("processor time for 300 replacements", cpuMs(pid) - cpu, "ms");
  figure("resident memory that came with 300 replacements", residentKib(pid) - resident, "KiB");
  check(
    "memory does not grow with each",
    residentKib(pid) - resident < 30_000,
    `${residentKib(pid) - resident} KiB`,
  );
  file.close();
  check(
    "by path, the file system can be unmounted",
    await unmounts(),
    run(`fuser -vm ${volume.folder}`).stderr,
  );
  const { code, stderr } = await daemon.end();
  equal("which ends the daemon: status", 1, code);
  check("and it says why", stderr !== "", stderr);
}

async function unmounts(): Promise<boolean> {
  for (let tries = 0; tries < 5; tries++) {
    if (run(`umount ${volume.folder}`).code === 0) return true;
    await sleep(0.2);
  }
  return false;
}

await writesNothingOut();
await idle();
await collectsNothing();
