/** dmfilemapd is started by stock dmstats, in both modes, in the background and in the foreground */
// rig: disk=data:700M limit=240 daemon=dmfilemapd needs=dmstats needs=mkfs.xfs needs=mkfs.ext4
import { check, equal, figure } from "../../tasks/rig/guest/guest.ts";
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
import { Volume } from "./dmfilemapd/volume.ts";

const volume = Volume.make("volume", 400);
const { stats } = volume;
const path = `${volume.folder}/data`;
const file = OpenFile.create(path).fill(2);

/** What standard input, output and error of a process are. */
function streams(pid: number): string[] {
  return [0, 1, 2].map((fd) => Deno.readLinkSync(`/proc/${pid}/fd/${fd}`));
}

function append(): void {
  file.write(file.size);
  file.sync();
}

async function mapsIt(name: string): Promise<void> {
  check(name, await mapped(file, stats) !== undefined, mismatch(file, stats));
}

async function inTheBackground(mode: string): Promise<number> {
  const began = performance.now();
  const { code, stdout, stderr } = run(`dmstats create --filemap --follow ${mode} ${path}`);
  equal(`${mode}: dmstats succeeds and says what it made`, [0, "", true], [
    code,
    stderr,
    stdout.startsWith(`${path}: Created new group with `),
  ]);
  const pid = await awaitDaemon(path);
  figure(`from dmstats create to a daemon that serves, ${mode}`, performance.now() - began, "ms");
  const [fd, ...words] = daemons().get(pid) ?? [];
  equal(`${mode}: its arguments are those of libdevmapper`, ["0", path, mode, "0", "0"], words);
  check(`${mode}: its first one is a descriptor`, /^\d+$/.test(fd), fd);
  equal(`${mode}: its parent is init`, "1", status(pid, "PPid"));
  equal(`${mode}: it leads a session`, `${pid}`, status(pid, "NSsid"));
  equal(`${mode}: silent, it has no streams`, Array(3).fill("/dev/null"), streams(pid));
  equal(`${mode}: it is in the root directory`, "/", Deno.readLinkSync(`/proc/${pid}/cwd`));
  append();
  await mapsIt(`${mode}: it maps an append`);
  return pid;
}

/** Appended to while nobody follows: the first look of the next daemon has to find it. */
async function byUpdate(mode: string, pid: number): Promise<void> {
  const [ids, counted] = [stats.group()?.ids, stats.written()];
  Deno.kill(pid, "SIGKILL");
  check(`${mode}: kill -9 ends it`, await ended(pid, SOON_SECONDS) !== undefined);
  append();
  equal(`${mode}: its group outlives it`, ids, stats.group()?.ids);
  equal(
    `${mode}: update_filemap succeeds`,
    0,
    run(`dmstats update_filemap --groupid 0 --follow ${mode} ${path}`).code,
  );
  const next = await awaitDaemon(path);
  await mapsIt(`${mode}: the next one maps what was appended in between`);
  check(`${mode}: nothing that was counted is lost`, (stats.written() ?? -1) >= (counted ?? 0));
  Deno.kill(next, "SIGTERM");
  check(`${mode}: SIGTERM ends it`, await ended(next, SOON_SECONDS) !== undefined);
  deleteAll();
}

/** -v makes the sixth argument of the launcher: 1 to 3. */
async function inTheForeground(mode: string, verbose: number, said: RegExp): Promise<void> {
  const name = `${mode}, foreground, verbose ${verbose}`;
  const options = ["--follow", mode, ...Array(verbose).fill("-v")];
  const daemon = await Foreground.create(path, options);
  const [fd, ...words] = daemons().get(daemon.pid) ?? [];
  equal(`${name}: its arguments`, ["0", path, mode, "1", `${verbose}`], words);
  append();
  await mapsIt(`${name}: it maps an append`);
  deleteAll();
  const { code, stdout, stderr } = await daemon.end();
  equal(`${name}: it ends with its group, with status 0`, [0, ""], [code, stderr]);
  const first = `Starting dmfilemapd with fd=${fd}, group_id=0 mode=${mode}, path=${path}\n`;
  check(`${name}: it says what it follows`, verbose === 0 || stdout.includes(first), stdout);
  check(`${name}: it says what it does`, said.test(stdout), stdout);
  check(
    `${name}: it says why it ends`,
    verbose === 0 || stdout.endsWith("Filemap group removed: exiting.\n"),
    stdout,
  );
}

for (const mode of ["inode", "path"]) {
  await byUpdate(mode, await inTheBackground(mode));
}
await inTheForeground("path", 0, /^$/);
await inTheForeground("path", 1, /^Updated group 0: /m);
await inTheForeground("inode", 3, /^Created new region mapping \d+\+\d+ with region ID \d+$/m);
equal("no daemon is left", 0, [...daemons()].length);
