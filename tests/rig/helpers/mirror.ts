/** Cluster mirrors on RAM disks, and their daemon. In a guest only. */
import { tableLine } from "../../../daemons/cmirrord/table_line.ts";
import { IDENTITY_BYTES } from "../../../daemons/cmirrord/mirror.ts";
import { CONTROL_SOCKET, STATE_DIRECTORY } from "../../../daemons/cmirrord/places.ts";
import type { MirrorStatus } from "../../../daemons/cmirrord/effects/status.ts";
import { askDaemon } from "../../../src/host/control_client.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { note, sh } from "../../../tasks/rig/guest/guest.ts";
import { inTime, SLOWNESS_S } from "./in_time.ts";

/** RAM disks of one size. */
export function ramDisks(count: number, mebibytes: number): string[] {
  sh(`modprobe brd rd_nr=${count} rd_size=${mebibytes * 1024}`);
  return Array.from({ length: count }, (_, i) => `/dev/ram${i}`);
}

/** What a mirror is made of, with whole devices for legs. */
export interface MirrorParts {
  readonly uuid: string;
  readonly legs: readonly string[];
  readonly mebibytes: number;
  readonly log?: string;
  readonly regionSectors?: number;
  readonly sync?: "default" | "sync" | "nosync";
  readonly handleErrors?: boolean;
  readonly integratedFlush?: boolean;
}

/** What `cmirrord table` prints for them, without the seconds that the start of a program takes here. */
export function mirrorTable(parts: MirrorParts): string {
  const { uuid, log, regionSectors = 1024, sync = "default", handleErrors = true } = parts;
  const sizeSectors = parts.mebibytes * 2048;
  const plan = {
    uuid,
    legs: parts.legs.map((device) => ({ device, offsetSectors: 0, sizeSectors })),
    log: log === undefined ? undefined : { device: log, sizeBytes: 0 },
    regionSectors,
    lengthSectors: undefined,
    sync,
    handleErrors,
    integratedFlush: parts.integratedFlush ?? true,
  };
  return tableLine(plan);
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

/** Gives a device another table while something may be waiting for it. */
export function changeTable(name: string, table: string): void {
  sh(`dmsetup reload ${name} --table "${table}" && dmsetup suspend --noflush ${name}`);
  sh(`dmsetup resume ${name}`);
}

/** Of a state file (mirror_state.ts). */
const STATE_IDENTITY_AT = 24;

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

  /** What `cmirrord status --json` prints; undefined where nobody answers. */
  // deno-lint-ignore no-explicit-any
  status(): any {
    try {
      return JSON.parse(askDaemon(CONTROL_SOCKET, "status"));
    } catch (error) {
      if (error instanceof ExitError) return undefined;
      throw error;
    }
  }

  /** A mirror's part of it. Throws where there is none. */
  mirror(uuid: string): MirrorStatus {
    const mirrors: readonly MirrorStatus[] = this.status()?.mirrors ?? [];
    const found = mirrors.find((mirror) => mirror.uuid === uuid);
    if (found === undefined) throw new Error(`the daemon does not know "${uuid}"`);
    return found;
  }

  /** By what the kernel's requests name a mirror: its luid, as its state file is called, and its uuid. */
  identity(uuid: string): Uint8Array {
    for (const { name } of Deno.readDirSync(STATE_DIRECTORY)) {
      const state = Deno.readFileSync(`${STATE_DIRECTORY}/${name}`);
      const identity = state.subarray(STATE_IDENTITY_AT, STATE_IDENTITY_AT + IDENTITY_BYTES);
      if (new TextDecoder().decode(identity.subarray(8, 8 + uuid.length)) === uuid) return identity;
    }
    throw new Error(`no mirror "${uuid}" has a state`);
  }

  /** One of its metrics; NaN where there is none of the name. */
  metric(name: string): number {
    const text = askDaemon(CONTROL_SOCKET, "metrics");
    const line = text.split("\n").find((one) => one.startsWith(`cmirrord_${name} `));
    return Number(line?.split(" ")[1]);
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.status;
  }

  /** SIGTERM; the exit code, or -1 when it does not end. */
  async stop(): Promise<number> {
    let code = -1;
    this.#process?.kill("SIGTERM");
    this.#process?.status.then((status) => code = status.code);
    await inTime(SLOWNESS_S, () => code !== -1);
    return code;
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

/** Of how many regions a log device speaks: the low half of nr_regions of its header. */
export function logRegions(device: string): number {
  const words = sh(
    `dd if=${device} bs=4096 count=1 iflag=direct 2>/dev/null | od -An -v -tu4 -N16`,
  );
  return Number(words.trim().split(/\s+/)[2]);
}

/** So many that the start of a program counts little. */
const BLOCKS_AT_ONCE = 64;

/** Writes all over a part of a mirror, some blocks behind each other, until it is told to stop. */
export class SteadyWriter {
  readonly #process: Deno.ChildProcess;

  constructor(name: string, part: { readonly fromMib: number; readonly mebibytes: number }) {
    const blocks = part.mebibytes * 256 - BLOCKS_AT_ONCE;
    const at = `$((${part.fromMib * 256} + n * 401 % ${blocks}))`;
    const write =
      `dd if=/dev/urandom of=/dev/mapper/${name} bs=4k count=${BLOCKS_AT_ONCE} seek=${at} oflag=direct status=none`;
    const loop =
      `trap 'stop=1' TERM; n=0; while [ -z "$stop" ]; do ${write} || exit 1; n=$((n+1)); done`;
    this.#process = new Deno.Command("sh", { args: ["-c", loop], stderr: "null" }).spawn();
  }

  /** The writes under way are ended: 0, or 1 where one has failed. */
  async stop(): Promise<number> {
    this.#process.kill("SIGTERM");
    return (await this.#process.status).code;
  }
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

/** The regions in which two devices are not the same, read past every cache. */
export function differingRegions(one: string, two: string, regions: number): number[] {
  const [left, right] = [one, two].map(contents);
  const bytes = left.length / regions;
  const differ = (region: number): boolean => {
    const end = (region + 1) * bytes;
    for (let at = region * bytes; at < end; at++) if (left[at] !== right[at]) return true;
    return false;
  };
  return Array.from({ length: regions }, (_, region) => region).filter(differ);
}

function contents(device: string): Uint8Array {
  const args = [`if=${device}`, "bs=1M", "iflag=direct", "status=none"];
  return new Deno.Command("dd", { args }).outputSync().stdout;
}

/** One write of 4 KiB, past every cache, that may have to wait. */
export class Write {
  /** Of dd, once it has ended. */
  code: number | undefined;
  readonly #end: Promise<number>;

  constructor(device: string, kibibytes: number) {
    const args = ["if=/dev/urandom", `of=/dev/mapper/${device}`, "bs=4k", "count=1"];
    const process = new Deno.Command("dd", {
      args: [...args, `seek=${kibibytes / 4}`, "oflag=direct", "status=none"],
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.#end = process.status.then(({ code }) => this.code = code);
  }

  async end(): Promise<number> {
    return await this.#end;
  }
}
