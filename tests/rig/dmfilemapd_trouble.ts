/** A file system that is frozen, a device that fails or goes, want of descriptors, a file replaced a hundred times a second */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4 needs=fsfreeze
import { check, equal, eventually, figure, note, sh } from "../../tasks/rig/guest/guest.ts";
import {
  alive,
  deleteAll,
  followed,
  mapped,
  mismatch,
  run,
  sleep,
  SOON_SECONDS,
  status,
} from "./dmfilemapd/follower.ts";
import { MIB, OpenFile } from "./dmfilemapd/libc.ts";
import { comesToRest, cpuMs, possessions, residentKib } from "./dmfilemapd/process.ts";
import { onEach, type Volume } from "./dmfilemapd/volume.ts";

const REPLACING_SECONDS = 4;

/** Whether a control socket is there. */
function isServing(): boolean {
  return [...Deno.readDirSync("/run/dmfilemapd")].some(({ name }) => name.endsWith(".sock"));
}

async function frozen(volume: Volume): Promise<void> {
  const { file, stats, daemon } = await followed(
    volume,
    OpenFile.create(volume.at("frozen")).fill(2),
  );
  file.punch(0, 4096);
  sh(`fsfreeze -f ${volume.folder}`);
  check(
    "a change right before the freeze is mapped",
    await mapped(file, stats) !== undefined,
    mismatch(file, stats),
  );
  check("frozen, it uses no processor", await comesToRest(daemon.pid));
  check("frozen, it lives", alive(daemon.pid));
  sh(`fsfreeze -u ${volume.folder}`);
  file.write(2 * MIB);
  file.sync();
  check("thawed, it follows", await mapped(file, stats) !== undefined, mismatch(file, stats));
  sh(`fsfreeze -f ${volume.folder}`);
  sh(`dmstats delete --groupid 0 ${volume.name}`);
  const isDone = await eventually(SOON_SECONDS, () => !isServing());
  note(`frozen and without its group it is "${status(daemon.pid, "State")}"`);
  // XFS lets nobody close a file before the thaw who might have to free what was preallocated.
  sh(`fsfreeze -u ${volume.folder}`);
  equal("frozen, it ends with its group", [true, 0], [isDone, (await daemon.end()).code]);
  file.close();
}

/** Faster than anybody could follow: the last one counts, and a processor is left to others. */
async function replaced(volume: Volume): Promise<void> {
  let file = OpenFile.create(volume.at("replaced")).fill(1);
  const { stats, daemon } = await followed(volume, file, ["--follow", "path"]);
  const { pid } = daemon;
  await comesToRest(pid); // the first look, too, is over
  const before = await possessions(pid);
  const [resident, cpu] = [residentKib(pid), cpuMs(pid)];
  const began = performance.now();
  let count = 0;
  for (; performance.now() - began < REPLACING_SECONDS * 1000; count++) {
    const next = OpenFile.create(volume.at("next"));
    next.write(0, 4096 * (1 + count % 16));
    Deno.renameSync(next.path, volume.at("replaced"));
    file.close();
    file = next;
    await sleep(0.008);
  }
  const seconds = (performance.now() - began) / 1000;
  figure("replacements in a second", count / seconds, "per second");
  figure("processor time meanwhile", (cpuMs(pid) - cpu) / seconds / 10, "%");
  file.sync();
  check(
    "the last of them is mapped",
    await mapped(file, stats) !== undefined,
    alive(pid) ? mismatch(file, stats) : "ended",
  );
  equal("it has as many descriptors and watches as before", before, await possessions(pid));
  figure("resident memory that came with it", residentKib(pid) - resident, "KiB");
  await daemon.terminate();
  deleteAll();
  file.close();
}

/** A shell's limit, which the daemon inherits: it says so, or does with it. */
async function fewDescriptors(volume: Volume): Promise<void> {
  const { stats } = volume;
  const file = OpenFile.create(volume.at("few")).fill(1);
  sh(`dmstats create --filemap --nomonitor ${file.path}`);
  // The runtime itself needs some; with those that it leaves the daemon lacks one or another.
  for (const limit of [16, 17, 18]) {
    const { code, stderr } = run(
      `ulimit -n ${limit}; timeout -k 5 60 dmfilemapd 3 0 ${file.path} inode 1 3<${file.path}`,
    );
    equal(`with ${limit} descriptors it ends: status`, 1, code);
    check(
      `with ${limit} descriptors it says why`,
      /^[^\n]*: Too many open files\nExiting\n$/.test(stderr),
      stderr,
    );
  }
  check(
    "and leaves the group alone",
    await mapped(file, stats) !== undefined,
    mismatch(file, stats),
  );
  deleteAll();
  file.close();
}

/** The device is made to fail by who administers it, as `dmsetup remove --force` does first. */
async function failing(volume: Volume): Promise<void> {
  const { file, daemon } = await followed(volume, OpenFile.create(volume.at("failing")).fill(2));
  sh(`dmsetup wipe_table --noflush --nolockfs ${volume.name}`);
  run(`dd if=/dev/zero of=${file.path} bs=4096 count=1 oflag=append,sync conv=notrunc`);
  await sleep(1);
  check("on a device that fails every request it does not spin", await comesToRest(daemon.pid));
  const lives = alive(daemon.pid);
  if (lives) {
    run(`dmstats delete --allregions ${volume.name}`);
    equal("and ends with its group", 0, (await daemon.end()).code);
  } else {
    const { code, stderr } = await daemon.end();
    check("or ends with a word", code === 1 && stderr !== "", `${code} ${stderr}`);
  }
  note(lives ? "it lived on" : "it ended");
}

await onEach(async (volume) => {
  await frozen(volume);
  if (volume.type === "ext4") {
    // The same on any file system.
    await replaced(volume);
    await fewDescriptors(volume);
  }
  await failing(volume);
});
