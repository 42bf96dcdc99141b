/** Daemons that follow files: started as administrators do, by stock dmstats. */
import { eventually, sh, uptime } from "../../../tasks/rig/guest/guest.ts";
import { extentsOf, sameSpans, type Span, union } from "./extents.ts";
import type { OpenFile } from "./libc.ts";
import { covered, covering, type Group, type Stats } from "./stats.ts";
import type { Volume } from "./volume.ts";

/** Under TCG a start takes some seconds where two machines share the processors. */
export const START_SECONDS = 60;
/** What is done at once is given so long: emulated processors, shared with other tests. How long it took is a figure. */
export const SOON_SECONDS = 30;

/** Runs a command line; its status and what it printed on each stream. */
export function run(command: string): { code: number; stdout: string; stderr: string } {
  const { code, stdout, stderr } = new Deno.Command("sh", { args: ["-c", command] }).outputSync();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

export function readProc(pid: number, file: string): string | undefined {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/${file}`);
  } catch {
    return undefined;
  }
}

/** One line of /proc/PID/status. */
export function status(pid: number, field: string): string {
  const line = new RegExp(`^${field}:\\s*(.*)$`, "m").exec(readProc(pid, "status") ?? "");
  return line?.[1] ?? "";
}

export function alive(pid: number): boolean {
  const state = status(pid, "State");
  return state !== "" && !/^[ZX]/.test(state);
}

/** The daemons that run, as their arguments: argv after the program's name, by process id. */
export function daemons(): Map<number, string[]> {
  const found = new Map<number, string[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !alive(pid)) continue;
    const [program = "", ...words] = (readProc(pid, "cmdline") ?? "").split("\0").slice(0, -1);
    if (/(^|\/)dmfilemapd$/.test(program)) found.set(pid, words);
  }
  return found;
}

const RUN = "/run/dmfilemapd";

/** The daemon of a path that has come to serve: its pid file is there, with its control socket. Cheap: it is asked for often. */
function servingDaemon(path: string): number | undefined {
  return pidFiles().map(servingPid).find((pid) =>
    pid !== undefined && readProc(pid, "cmdline")?.split("\0").includes(path)
  );
}

function pidFiles(): string[] {
  try {
    return [...Deno.readDirSync(RUN)].map(({ name }) => name).filter((name) =>
      name.endsWith(".pid")
    );
  } catch {
    return []; // no daemon has ever run
  }
}

function servingPid(pidFile: string): number | undefined {
  try {
    const isSocket = Deno.lstatSync(`${RUN}/${pidFile.replace(/pid$/, "sock")}`).isSocket;
    return isSocket ? Number(Deno.readTextFileSync(`${RUN}/${pidFile}`)) : undefined;
  } catch {
    return undefined; // not yet
  }
}

/** Waits for the daemon of a path to serve. Throws when there is none. */
export async function awaitDaemon(path: string): Promise<number> {
  let pid: number | undefined;
  await eventually(START_SECONDS, () => (pid = servingDaemon(path)) !== undefined);
  if (pid === undefined) throw new Error(`no daemon serves ${path}: ${[...daemons()].join("; ")}`);
  return pid;
}

/** `dmstats create --filemap` on a file, with the environment given as `A=b …`; the daemon that it started. */
export async function follow(path: string, options = "", environment = ""): Promise<number> {
  sh(`${environment} dmstats create --filemap ${options} "${path}"`);
  return await awaitDaemon(path);
}

export interface Ending {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

/** A daemon in the foreground: what dmstats becomes with --foreground, so that its end can be seen. */
export class Foreground {
  private constructor(readonly pid: number, private readonly child: Deno.ChildProcess) {}

  /** `dmstats create --filemap --foreground` on a file; resolves when the daemon serves. */
  static async create(
    path: string,
    options: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<Foreground> {
    return await Foreground.start(
      "dmstats",
      [
        ...["create", "--filemap", "--foreground", ...options, path],
      ],
      path,
      env,
    );
  }

  /** The daemon itself, with the file as descriptor 3. `program` is what executes it, perhaps with its first words. */
  static async direct(
    path: string,
    group: number,
    mode: "inode" | "path",
    env: Record<string, string> = {},
    program = "dmfilemapd",
  ): Promise<Foreground> {
    const command = `exec ${program} 3 ${group} "$0" ${mode} 1 0 3<"$0"`;
    return await Foreground.start("sh", ["-c", command, path], path, env);
  }

  private static async start(
    program: string,
    args: readonly string[],
    path: string,
    env: Record<string, string>,
  ): Promise<Foreground> {
    const child = new Deno.Command(program, {
      args: [...args],
      env,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    return new Foreground(await awaitDaemon(path), child);
  }

  /** Waits for its end; one that does not come in time is killed, and `seconds` is infinite. */
  async end(seconds = SOON_SECONDS): Promise<Ending> {
    const took = await ended(this.pid, seconds);
    if (took === undefined) this.child.kill("SIGKILL");
    const { code, stdout, stderr } = await this.child.output();
    const decoder = new TextDecoder();
    const [said, complained] = [decoder.decode(stdout), decoder.decode(stderr)];
    return { code, stdout: said, stderr: complained, seconds: took ?? Infinity };
  }

  async terminate(): Promise<void> {
    this.child.kill("SIGTERM");
    await this.end();
  }
}

/** A file on a volume, and the daemon that follows it. */
export interface Scene {
  readonly volume: Volume;
  readonly stats: Stats;
  readonly file: OpenFile;
  readonly daemon: Foreground;
}

/** Has a file followed that is there, and waits until it is mapped, in the group that dmstats is going to make: `id`. */
export async function followed(
  volume: Volume,
  file: OpenFile,
  options: readonly string[] = [],
  env: Record<string, string> = {},
  id = 0,
): Promise<Scene> {
  const daemon = await Foreground.create(file.path, options, env);
  const { stats } = volume;
  // With look-ahead, more is mapped than the file has.
  await eventually(SOON_SECONDS, () => covers(stats, id, extentsOf(file)));
  return { volume, stats, file, daemon };
}

/** Deletes every region of every device. */
export function deleteAll(): void {
  sh("dmstats delete --alldevices --allprograms --allregions");
}

/** Whether the regions of a group reach as far as the extents, and perhaps further. */
function covers(stats: Stats, id: number, extents: readonly Span[]): boolean {
  const regions = covered(stats.group(id) ?? { regions: [] });
  return sameSpans(union([...regions, ...extents]), regions);
}

/** What keeps a group from covering exactly the allocated extents, each sector once; "" when nothing does. */
export function mismatch(file: OpenFile, stats: Stats, id = 0): string {
  const group = stats.group(id);
  return group === undefined ? `there is no group ${id}` : difference(group, extentsOf(file));
}

function difference(group: Group, extents: readonly Span[]): string {
  const text = (spans: readonly Span[]): string =>
    spans.slice(0, 20).map(({ start, length }) => `${start}+${length}`).join(" ");
  const [regions, wanted] = [covered(group), union(extents)];
  if (!sameSpans(regions, wanted)) return `regions ${text(regions)}, extents ${text(wanted)}`;
  const sum = (spans: readonly Span[]): number =>
    spans.reduce((all, { length }) => all + length, 0);
  return sum(covering(group)) === sum(regions) ? "" : "regions overlap";
}

/**
 * Waits until the group covers the extents; milliseconds that it took, or undefined when it did not in time. Looks every `restMs`,
 * which takes time of the daemon's.
 */
export async function mapped(
  file: OpenFile,
  stats: Stats,
  { id = 0, seconds = SOON_SECONDS, restMs = 10 } = {},
): Promise<number | undefined> {
  const began = performance.now();
  while (mismatch(file, stats, id) !== "") {
    if (performance.now() - began > seconds * 1000) return undefined;
    await new Promise((resolve) => setTimeout(resolve, restMs));
  }
  return performance.now() - began;
}

/** Seconds until a process has ended; undefined when it has not in time. */
export async function ended(pid: number, seconds: number): Promise<number | undefined> {
  const began = uptime();
  return await eventually(seconds, () => !alive(pid)) ? uptime() - began : undefined;
}

export async function sleep(seconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
