/** What the daemon does not do: wake up, write data out, hold a file system, collect watches, descriptors and memory */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { about, check, equal, figure, sh } from "../../tasks/rig/guest/guest.ts";
import { cpuMs, possessions, residentKib, switches } from "./dmfilemapd/process.ts";
import { followed, mapped, mismatch, run, type Scene, sleep } from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { type Volume, volumeOfEach } from "./dmfilemapd/volume.ts";

const IDLE_SECONDS = 20;
/** After a start the daemon gives back memory, once, and has seen the file closed. */
const SETTLE_SECONDS = 2;
const UNWRITTEN_SECONDS = 3;
const REPLACEMENTS = 150;
/** Of a journal; data that were written out would be 20 MiB. */
const JOURNAL_SECTORS = 2048;

/** A daemon in each mode. */
interface Pair {
  readonly byInode: Scene;
  readonly byPath: Scene;
}

/** Nobody has the files open for writing. */
async function pairOn(volume: Volume): Promise<Pair> {
  const [inode, path] = ["inode", "path"].map((name) => OpenFile.create(volume.at(name)).fill(2));
  const byInode = await followed(volume, inode);
  const byPath = await followed(volume, path, ["--follow", "path"], {}, 1);
  for (const file of [inode, path]) file.close();
  return { byInode, byPath };
}

async function idle(scenes: readonly Scene[]): Promise<void> {
  const states = (): unknown[] => scenes.map(({ daemon: { pid } }) => [switches(pid), cpuMs(pid)]);
  let before = states();
  for (let tries = 0; tries < 10; tries++) {
    await sleep(SETTLE_SECONDS);
    const last = before;
    before = states();
    if (`${last}` === `${before}`) break;
  }
  await sleep(IDLE_SECONDS);
  const name = `no wake-up and no processor time in ${IDLE_SECONDS} s, in all modes`;
  equal(name, before, states());
}

/** The original calls FIEMAP with FIEMAP_FLAG_SYNC, which defeats delayed allocation. */
async function writesNothingOut({ volume, stats, file: { path }, daemon }: Scene): Promise<void> {
  using file = OpenFile.open(path);
  sh("sync");
  const before = volume.sectorsWritten;
  for (let mib = 2; mib < 22; mib++) file.write(mib * MIB);
  await sleep(UNWRITTEN_SECONDS);
  const written = volume.sectorsWritten - before;
  check(
    `an append of 20 MiB that nobody syncs is not written out in ${UNWRITTEN_SECONDS} s`,
    written <= JOURNAL_SECTORS,
    `${written} sectors`,
  );
  sh("sync");
  check("when it is, it is mapped", await mapped(file, stats) !== undefined, mismatch(file, stats));
  await daemon.terminate();
}

/** The original makes an inotify instance for each half second in path mode, and ends itself with the 128th. */
async function collectsNothing({ volume, stats, file: { path }, daemon }: Scene): Promise<void> {
  const { pid } = daemon;
  const before = await possessions(pid);
  const [resident, cpu] = [residentKib(pid), cpuMs(pid)];
  let file = OpenFile.open(path);
  for (let turn = 0; turn < REPLACEMENTS; turn++) {
    const next = OpenFile.create(volume.at("next"));
    for (let block = 0; block < 4; block++) next.write((block + turn % 3) * 8192, 4096);
    next.sync();
    Deno.renameSync(next.path, path);
    file.close();
    file = next;
  }
  check(
    `a file that was replaced ${REPLACEMENTS} times is mapped`,
    await mapped(file, stats, { id: 1 }) !== undefined,
    mismatch(file, stats, 1),
  );
  equal("descriptors and watches are what they were", before, await possessions(pid));
  figure(`processor time for ${REPLACEMENTS} replacements`, cpuMs(pid) - cpu, "ms");
  const grown = residentKib(pid) - resident;
  figure(`resident memory that came with ${REPLACEMENTS} replacements`, grown, "KiB");
  check("memory does not grow with each", grown < 30_000, `${grown} KiB`);
  file.close();
}

async function letsUnmount({ volume, daemon }: Scene): Promise<void> {
  check("by path, the file system can be unmounted", await unmounts(volume));
  const { code, stderr } = await daemon.end();
  equal("which ends the daemon: status", 1, code);
  check("and it says why", stderr !== "", stderr);
}

async function unmounts({ folder }: Volume): Promise<boolean> {
  for (let tries = 0; tries < 10; tries++) {
    if (run(`umount ${folder}`).code === 0) return true;
    await sleep(0.2);
  }
  return false;
}

const pairs: Pair[] = [];
for (const volume of volumeOfEach()) pairs.push(await pairOn(volume));
await idle(pairs.flatMap(({ byInode, byPath }) => [byInode, byPath]));
for (const { byInode, byPath } of pairs) {
  about(byInode.volume.type);
  await writesNothingOut(byInode);
  await collectsNothing(byPath);
  await letsUnmount(byPath);
}
