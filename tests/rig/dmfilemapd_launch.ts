/** dmfilemapd is started by stock dmstats, in both modes, in the background and in the foreground */
// rig: disk=data:700M limit=600 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { about, check, equal, eventually, figure } from "../../tasks/rig/guest/guest.ts";
import { EX_TEMPFAIL } from "../../src/host/exit.ts";
import { commands } from "../man/examples.ts";
import {
  awaitDaemon,
  daemons,
  deleteAll,
  ended,
  Foreground,
  mapped,
  mismatch,
  run,
  SOON_SECONDS,
  status,
} from "./dmfilemapd/follower.ts";
import { OpenFile } from "./dmfilemapd/libc.ts";
import type { Stats } from "./dmfilemapd/stats.ts";
import { type Volume, volumeOfEach } from "./dmfilemapd/volume.ts";

/** A file that is to be followed. */
interface Subject {
  readonly file: OpenFile;
  readonly stats: Stats;
}

function subjectOn(volume: Volume): Subject {
  return { file: OpenFile.create(volume.at("data")).fill(2), stats: volume.stats };
}

/** What standard input, output and error of a process are. */
function streams(pid: number): string[] {
  return [0, 1, 2].map((fd) => Deno.readLinkSync(`/proc/${pid}/fd/${fd}`));
}

function append({ file }: Subject): void {
  file.write(file.size);
  file.sync();
}

async function maps(name: string, { file, stats }: Subject): Promise<void> {
  check(name, await mapped(file, stats) !== undefined, mismatch(file, stats));
}

async function inTheBackground(mode: string, subject: Subject): Promise<number> {
  const { path } = subject.file;
  const began = performance.now();
  const { code, stdout, stderr } = run(`dmstats create --filemap --follow ${mode} ${path}`);
  equal("dmstats succeeds and says what it made", [0, "", true], [
    code,
    stderr,
    stdout.startsWith(`${path}: Created new group with `),
  ]);
  const pid = await awaitDaemon(path);
  figure("from dmstats create to a daemon that serves", performance.now() - began, "ms");
  const [fd, ...words] = daemons().get(pid) ?? [];
  equal("its arguments are those of libdevmapper", ["0", path, mode, "0", "0"], words);
  check("its first one is a descriptor", /^\d+$/.test(fd), fd);
  equal("its parent is init", "1", status(pid, "PPid"));
  equal("it leads a session", `${pid}`, status(pid, "NSsid"));
  equal("silent, it has no streams", Array(3).fill("/dev/null"), streams(pid));
  equal("it is in the root directory", "/", Deno.readLinkSync(`/proc/${pid}/cwd`));
  append(subject);
  await maps("it maps an append", subject);
  return pid;
}

/** Appended to while nobody follows: the first look of the next daemon has to find it. */
async function byUpdate(mode: string, subject: Subject, pid: number): Promise<void> {
  const { file, stats } = subject;
  const [ids, counted] = [stats.group()?.ids, stats.written()];
  Deno.kill(pid, "SIGKILL");
  check("kill -9 ends it", await ended(pid, SOON_SECONDS) !== undefined);
  append(subject);
  equal("its group outlives it", ids, stats.group()?.ids);
  const update = `dmstats update_filemap --groupid 0 --follow ${mode} ${file.path}`;
  equal("update_filemap succeeds", 0, run(update).code);
  const next = await awaitDaemon(file.path);
  check("it has started another daemon", next !== pid);
  await maps("which maps what was appended in between", subject);
  check("nothing that was counted is lost", (stats.written() ?? -1) >= (counted ?? 0));
  Deno.kill(next, "SIGTERM");
  check("SIGTERM ends it", await ended(next, SOON_SECONDS) !== undefined);
  deleteAll();
}

/** -v makes the sixth argument of the launcher: 1 to 3. */
async function inTheForeground(
  mode: string,
  subject: Subject,
  verbose: number,
  said: RegExp,
): Promise<void> {
  const { path } = subject.file;
  const options = ["--follow", mode, ...Array(verbose).fill("-v")];
  const daemon = await Foreground.create(path, options);
  const [fd, ...words] = daemons().get(daemon.pid) ?? [];
  equal("its arguments", ["0", path, mode, "1", `${verbose}`], words);
  append(subject);
  await maps("it maps an append", subject);
  deleteAll();
  const { code, stdout, stderr } = await daemon.end();
  equal("it ends with its group, with status 0", [0, ""], [code, stderr]);
  const first = `Starting dmfilemapd with fd=${fd}, group_id=0 mode=${mode}, path=${path}\n`;
  check("it says what it follows", verbose === 0 || stdout.includes(first), stdout);
  check("it says what it does", said.test(stdout), stdout);
  const last = "Filemap group removed: exiting.\n";
  check("it says why it ends", verbose === 0 || stdout.endsWith(last), stdout);
}

/** The EXAMPLES of dmfilemapd(8), as they stand there, with its folder on a volume. */
async function asTheManualSays(): Promise<void> {
  const image = "/srv/images/vm.img";
  const [onVolume] = volumes;
  run(`mkdir -p /srv/images && mount --bind ${onVolume.folder} /srv/images`);
  OpenFile.create(onVolume.at("vm.img")).fill(2);
  const page = Deno.readTextFileSync(
    new URL("../../daemons/dmfilemapd/dmfilemapd.8", import.meta.url),
  );
  for (const command of commands(page)) {
    let outcome = run(command);
    // A daemon that has just been started may be at its first look.
    await eventually(SOON_SECONDS, () => {
      if (outcome.code === EX_TEMPFAIL) outcome = run(command);
      return outcome.code !== EX_TEMPFAIL;
    });
    const { code, stdout, stderr } = outcome;
    equal(`the manual's ${command}`, [0, ""], [code, stderr]);
    if (command.includes("status")) check("it names the file", stdout.includes(image), stdout);
    if (command.includes("delete")) {
      check("that ends its daemon", await eventually(SOON_SECONDS, () => daemons().size === 0));
    } else if (!command.includes("nomonitor")) await awaitDaemon(image);
  }
  deleteAll();
  check("the last one ends", await eventually(SOON_SECONDS, () => daemons().size === 0));
}

const volumes = volumeOfEach();
const [onExt4, onXfs] = volumes.map(subjectOn);
for (const [type, mode, subject] of [["ext4", "inode", onExt4], ["xfs", "path", onXfs]] as const) {
  about(`in the background, by ${mode}, on ${type}`);
  await byUpdate(mode, subject, await inTheBackground(mode, subject));
}
about("in the foreground, by path, on ext4, silent");
await inTheForeground("path", onExt4, 0, /^$/);
about("in the foreground, by path, on ext4, verbose 1");
await inTheForeground("path", onExt4, 1, /^Updated group 0: /m);
about("in the foreground, by inode, on xfs, verbose 3");
await inTheForeground(
  "inode",
  onXfs,
  3,
  /^Created new region mapping \d+\+\d+ with region ID \d+$/m,
);
about("");
await asTheManualSays();
equal("no daemon is left", 0, [...daemons()].length);
