/** md arrays on paths that can be killed, healed, swapped and hung at will, and the daemon that looks after them. In a guest only. */
import { askDaemon } from "../../../src/host/control_client.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { note, sh } from "../../../tasks/rig/guest/guest.ts";
import { inTime } from "./in_time.ts";

const CONTROL = "/run/mdmpd/control";
const SECTORS_PER_MIB = 2048;

export interface Disk {
  readonly device: string;
  readonly sectors: number;
}

/** What is on a disk, past md and device-mapper. */
export function digest({ device }: Disk): string {
  return sh(`dd if=${device} bs=1M iflag=direct 2>/dev/null | sha256sum`);
}

/** A file in memory, as a loop device, which is known by the file's name. */
export class FileDisk implements Disk {
  readonly device: string;
  readonly sectors: number;
  readonly file: string;

  constructor(name: string, mebibytes: number) {
    this.file = `/run/disks/${name}`;
    this.sectors = mebibytes * SECTORS_PER_MIB;
    sh(`mkdir -p /run/disks && truncate -s ${mebibytes}M ${this.file}`);
    this.device = sh(`losetup --find --show ${this.file}`);
  }
}

/** Disks that have no name of any kind, all of one size. */
export function ramDisks(count: number, mebibytes: number): Disk[] {
  sh(`modprobe brd rd_nr=${count} rd_size=${mebibytes * 1024}`);
  const sectors = mebibytes * SECTORS_PER_MIB;
  return Array.from({ length: count }, (_, i) => ({ device: `/dev/ram${i}`, sectors }));
}

/** A way to a disk: a linear device. */
export class DiskPath {
  readonly node: string;
  /** The kernel's name, `dm-0`. */
  readonly kernelName: string;

  constructor(readonly name: string, readonly disk: Disk) {
    sh(`dmsetup create ${name} --table "0 ${disk.sectors} linear ${disk.device} 0"`);
    this.node = `/dev/mapper/${name}`;
    this.kernelName = sh(`dmsetup info -c --noheadings -o blkdevname ${name}`);
  }

  /** Exchanges what is behind the path. `options`: of dmsetup reload. */
  table(text: string, options = ""): void {
    sh(`dmsetup reload ${options} ${this.name} --table "${text}" &&
        dmsetup suspend --noflush --nolockfs ${this.name} && dmsetup resume ${this.name}`);
  }

  kill(): void {
    this.table(`0 ${this.disk.sectors} error`);
  }

  heal(): void {
    this.lead(this.disk);
  }

  /** Leads to a disk, its own or another. */
  lead(disk: Disk, sectors = disk.sectors, options = ""): void {
    this.table(`0 ${sectors} linear ${disk.device} 0`, options);
  }

  /** From now on requests wait until resume(). */
  hang(): void {
    sh(`dmsetup suspend --noflush --nolockfs ${this.name}`);
  }

  resume(): void {
    sh(`dmsetup resume ${this.name}`);
  }
}

export type MetadataVersion = "0.90" | "1.0" | "1.1" | "1.2";

/** Makes a multipath array. The last path listed becomes slot 0, the one that carries the I/O. */
export function createMultipath(
  md: string,
  paths: readonly DiskPath[],
  metadata: MetadataVersion = "1.2",
): void {
  const nodes = paths.map(({ node }) => node).join(" ");
  sh(
    `yes | mdadm --create /dev/${md} --metadata=${metadata} --level=multipath -n${paths.length} ${nodes} 2>&1`,
  );
}

/** An array's record in /proc/mdstat, its lines joined. */
export function record(md: string): string {
  const lines = Deno.readTextFileSync("/proc/mdstat").split("\n");
  const from = lines.findIndex((line) => line.startsWith(`${md} : `));
  return from < 0 ? "" : lines.slice(from, from + 3).map((line) => line.trim()).join(" ");
}

export function isFaulty(md: string, { kernelName }: Pick<DiskPath, "kernelName">): boolean {
  return new RegExp(`\\b${kernelName}\\[\\d+\\](\\(\\w\\))*\\(F\\)`).test(record(md));
}

/** Whether the path is a slot's, by md's own word. */
export function isInUse(md: string, { kernelName }: Pick<DiskPath, "kernelName">): boolean {
  try {
    const state = Deno.readTextFileSync(`/sys/block/${md}/md/dev-${kernelName}/state`);
    return state.includes("in_sync") && !state.includes("faulty");
  } catch {
    return false;
  }
}

/** Reads a block of the array past the cache; whether that worked. */
export function read(md: string, block = 0): boolean {
  try {
    sh(`dd if=/dev/${md} of=/dev/null bs=4k count=1 skip=${block} iflag=direct 2>&1`);
    return true;
  } catch {
    return false;
  }
}

/** Kills a path and lets the array find out. */
export async function fail(md: string, path: DiskPath): Promise<boolean> {
  path.kill();
  read(md);
  return await inTime(10, () => isFaulty(md, path));
}

export interface PathStatus {
  readonly device: string;
  readonly phase: string;
  readonly condition: string;
  readonly finding: string;
  readonly failedSince: string | null;
  readonly checks: number;
  readonly nextCheckInSeconds: number | null;
}

export interface DaemonStatus {
  readonly pid: number;
  readonly sandbox: string;
  readonly trouble: string;
  readonly arrays: readonly { readonly device: string; readonly paths: readonly PathStatus[] }[];
}

/** The daemon as it was built, in the foreground, its messages in a file. */
export class Mdmpd {
  static #count = 0;
  readonly log: string;
  #process: Deno.ChildProcess;

  constructor(...options: string[]) {
    this.log = `/run/mdmpd-${Mdmpd.#count++}.log`;
    Deno.writeTextFileSync(this.log, "");
    const words = options.map((word) => `'${word}'`).join(" ");
    const args = ["-c", `exec mdmpd -f --verbose ${words} 2> ${this.log}`];
    this.#process = new Deno.Command("sh", { args }).spawn();
  }

  static async started(...options: string[]): Promise<Mdmpd> {
    const daemon = new Mdmpd(...options);
    await inTime(20, () => daemon.status() !== undefined);
    return daemon;
  }

  get pid(): number {
    return this.#process.pid;
  }

  text(): string {
    return Deno.readTextFileSync(this.log);
  }

  /** The log's lines that name an event. */
  events(name: string): string[] {
    return this.text().split("\n").filter((line) => line.includes(` ${name} /dev/`));
  }

  /** For how long the path was out each time, in seconds, by the log. */
  absences(md: string, { kernelName }: DiskPath): number[] {
    const times = (event: string): number[] =>
      this.events(event).filter((line) => line.includes(` /dev/${md} /dev/${kernelName}`))
        .map((line) => Date.parse(line.slice(0, "2026-01-01 00:00:00.000".length)) / 1000);
    const ends = times("SpareActive");
    return times("Fail").slice(0, ends.length).map((began, i) => ends[i] - began);
  }

  /** Waits for a text in what is logged from `mark`, a length of text(), on. */
  async says(text: string, seconds: number, mark = 0): Promise<boolean> {
    return await inTime(seconds, () => this.text().slice(mark).includes(text));
  }

  /** What `mdmpd status --json` prints, without the seconds that the start of a program takes here; undefined where nobody answers. */
  status(): DaemonStatus | undefined {
    try {
      return JSON.parse(askDaemon(CONTROL, "status"));
    } catch (error) {
      if (error instanceof ExitError) return undefined;
      throw error;
    }
  }

  path(md: string, { kernelName }: DiskPath): PathStatus | undefined {
    return this.status()?.arrays.find(({ device }) => device === `/dev/${md}`)
      ?.paths.find(({ device }) => device === `/dev/${kernelName}`);
  }

  /** Ends it; how long that took, in seconds. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    const began = performance.now();
    this.#process.kill(signal);
    await this.#process.status;
    return (performance.now() - began) / 1000;
  }

  /** Puts the log where its reader looks when something failed. */
  show(): void {
    for (const line of this.text().split("\n")) note(line);
  }
}
