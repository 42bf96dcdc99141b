/** Cluster mirrors on RAM disks, and their daemon. In a guest only. */
import { note, sh } from "../../../tasks/rig/guest/guest.ts";
import { inTime, SLOWNESS_S } from "./in_time.ts";

/** RAM disks of one size. */
export function ramDisks(count: number, mebibytes: number): string[] {
  sh(`modprobe brd rd_nr=${count} rd_size=${mebibytes * 1024}`);
  return Array.from({ length: count }, (_, i) => `/dev/ram${i}`);
}

/** What is on a device, past every cache. */
export function digest(device: string): string {
  return sh(`dd if=${device} bs=1M iflag=direct 2>/dev/null | sha256sum`);
}

/** The status line of a mirror, without its position and length. */
export function targetStatus(name: string): string {
  return sh(`dmsetup status ${name}`).replace(/^\d+ \d+ mirror /, "");
}

/** `n/m` of the status line. */
export function isInSync(name: string): boolean {
  const [, synced, all] = / (\d+)\/(\d+) /.exec(targetStatus(name)) ?? [];
  return synced !== undefined && synced === all;
}

export class Mirrord {
  static readonly log = "/run/cmirrord.log";
  #process: Deno.ChildProcess | undefined;

  /** Starts the daemon in the foreground and waits until it answers. */
  async start(): Promise<boolean> {
    const command = `exec cmirrord -f >>${Mirrord.log} 2>&1`;
    this.#process = new Deno.Command("sh", { args: ["-c", command] }).spawn();
    return await inTime(SLOWNESS_S, () => this.status() !== undefined);
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** What `cmirrord status --json` says; undefined where nobody answers. */
  // deno-lint-ignore no-explicit-any
  status(): any {
    const { code, stdout } = new Deno.Command("cmirrord", { args: ["status", "--json"] })
      .outputSync();
    return code === 0 ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.status;
  }

  /** SIGTERM; the exit code, or -1 when it does not end. */
  async stop(): Promise<number> {
    this.#process?.kill("SIGTERM");
    const end = new Promise<number>((resolve) => setTimeout(() => resolve(-1), 5_000));
    const status = this.#process?.status.then(({ code }) => code) ?? Promise.resolve(-1);
    return await Promise.race([status, end]);
  }

  signal(name: Deno.Signal): void {
    this.#process?.kill(name);
  }

  text(): string {
    return Deno.readTextFileSync(Mirrord.log);
  }

  async says(text: string): Promise<boolean> {
    return await inTime(SLOWNESS_S, () => this.text().includes(text));
  }

  /** For whoever reads the results. */
  show(): void {
    note(this.text().slice(-4_000));
  }
}

/** The clean bits of a log device, region 0 first. */
export function logBits(device: string, regions: number): string {
  const bytes = sh(
    `dd if=${device} bs=4096 count=1 iflag=direct 2>/dev/null | od -An -v -tu1 -j1024 -N${
      regions / 8
    }`,
  );
  const bits = bytes.trim().split(/\s+/).map((byte) =>
    Number(byte).toString(2).padStart(8, "0").split("").reverse().join("")
  );
  return bits.join("");
}

/** Random writes to a mirror, until it is told to end. */
export class Writer {
  readonly #process: Deno.ChildProcess;

  constructor(name: string, seconds: number, ...more: readonly string[]) {
    this.#process = new Deno.Command("fio", {
      args: [
        ...[
          "--name=load",
          `--filename=/dev/mapper/${name}`,
          "--rw=randwrite",
          "--bs=4k",
          "--direct=1",
        ],
        ...[
          "--ioengine=psync",
          "--time_based",
          `--runtime=${seconds}`,
          "--output-format=terse",
          ...more,
        ],
      ],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Waits for its end. */
  async end(): Promise<{ code: number; text: string }> {
    const { code, stdout, stderr } = await this.#process.output();
    const decoder = new TextDecoder();
    return { code, text: `${decoder.decode(stdout).slice(0, 1000)}${decoder.decode(stderr)}` };
  }
}
