/** How soon our dmfilemapd follows a file of this machine, and at what cost: natively, with no device-mapper but a simulated one. */
import { fromFileUrl } from "@std/path";
import { run } from "../toolchain.ts";
import type { NativeUpdate } from "./native_follower.ts";
import { type Figures, note } from "./report.ts";

const BLOCK = 4096;
const SECTOR_BYTES = 512;
const MIB = 2 ** 20;
/** What is promised of its median. */
export const FROM_SYNC = "1 MiB appended, fsync's return to map, ms";
export const FROM_SYNC_LIMIT_MS = 50;
const APPENDS = 50;
const BURST = 1000;
const PAUSE_MS = 200;
/** Updates that are measured: extents that come, in a file of how many, how often. */
const CHANGES = [
  ...[10, 100, 1000, 5000].map((extents) => ({ extents, more: 1, times: 30 })),
  { extents: 5000, more: 10, times: 20 },
  { extents: 5000, more: 100, times: 10 },
  { extents: 5000, more: 1000, times: 3 },
];

/** A file of many extents that grows, and the daemon that follows it. */
class FollowedFile implements AsyncDisposable {
  #sectors = 0;
  #rest = "";

  private constructor(
    private readonly mapLoad: string,
    private readonly file: Deno.FsFile,
    private readonly follower: Deno.ChildProcess,
    private readonly output: ReadableStreamDefaultReader<string>,
  ) {}

  static async make(mapLoad: string, path: string, extents: number): Promise<FollowedFile> {
    const made = await run(mapLoad, ["make", path, String(extents)]);
    if (!made.success) throw new Error(made.output.trim());
    if (Number(made.stdout) !== extents) {
      throw new Error(`a file of ${extents} extents got ${made.stdout.trim()}`);
    }
    const script = fromFileUrl(import.meta.resolve("./native_follower.ts"));
    const follower = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", script, path],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const output = follower.stdout.pipeThrough(new TextDecoderStream()).getReader();
    const opened = await Deno.open(path, { write: true });
    const file = new FollowedFile(mapLoad, opened, follower, output);
    file.#sectors = (await file.#nextUpdate()).sectors;
    return file;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.file.close();
    this.follower.kill("SIGTERM");
    await this.output.cancel();
    await this.follower.status;
  }

  async #nextUpdate(): Promise<NativeUpdate> {
    for (;;) {
      const [line, ...others] = this.#rest.split("\n");
      if (others.length > 0) {
        this.#rest = others.join("\n");
        return JSON.parse(line);
      }
      const { value, done } = await this.output.read();
      if (done) throw new Error("the native follower has ended");
      this.#rest += value;
    }
  }

  /** The daemon's processor time so far. */
  async cpuMs(): Promise<number> {
    const { stdout } = await run(this.mapLoad, ["used", String(this.follower.pid)]);
    return Number(stdout.split(" ")[0]) / 1000;
  }

  /** Writes behind the end, `gap` bytes away from it. */
  append(bytes: number, gap: number): void {
    this.file.seekSync(gap, Deno.SeekMode.End);
    this.file.writeSync(new Uint8Array(bytes));
    this.#sectors += bytes / SECTOR_BYTES;
  }

  sync(): void {
    this.file.syncSync();
  }

  /** Waits until regions cover all that was appended; the updates it took. */
  async followed(): Promise<NativeUpdate[]> {
    const updates: NativeUpdate[] = [];
    for (let sectors = 0; sectors < this.#sectors;) {
      const update = await this.#nextUpdate();
      updates.push(update);
      sectors = update.sectors;
    }
    return updates;
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function appends(mapLoad: string, path: string, figures: Figures): Promise<void> {
  await using file = await FollowedFile.make(mapLoad, path, 1);
  for (let at = 0; at < APPENDS; at++) {
    await sleep(PAUSE_MS * (1 + (at % 7) / 7));
    const began = performance.now();
    file.append(MIB, 0);
    file.sync();
    const synced = performance.now();
    await file.followed();
    note(figures, "1 MiB appended, write to map, ms", performance.now() - began);
    note(figures, FROM_SYNC, performance.now() - synced);
  }
  const before = await file.cpuMs();
  for (let at = 0; at < BURST; at++) {
    file.append(BLOCK, 0);
    file.sync();
  }
  await file.followed();
  note(figures, "CPU for 1,000 appends without a pause, ms", await file.cpuMs() - before);
}

async function changes(
  mapLoad: string,
  path: string,
  { extents, more, times }: typeof CHANGES[number],
  figures: Figures,
): Promise<void> {
  const name = `${more} more in a file of ${extents} extents`;
  await using file = await FollowedFile.make(mapLoad, path, extents);
  for (let at = 0; at < times; at++) {
    await sleep(PAUSE_MS);
    for (let i = 0; i < more; i++) file.append(BLOCK, BLOCK);
    file.sync();
    const updates = await file.followed();
    const sum = (of: (update: NativeUpdate) => number): number =>
      updates.reduce((sum, update) => sum + of(update), 0);
    note(figures, `${name}: time without the kernel's, ms`, sum(({ ms }) => ms));
    note(figures, `${name}: messages to the kernel`, sum(({ messages }) => messages));
  }
}

/** Throws an Error where the file system of `folder` does not tell of extents. */
export async function nativeUpdates(mapLoad: string, folder: string): Promise<Figures> {
  const figures: Figures = new Map();
  const path = `${folder}/followed`;
  await appends(mapLoad, path, figures);
  for (const change of CHANGES) await changes(mapLoad, path, change, figures);
  return figures;
}
