/** One virtlockd process inside a lab. */
import type { CommandOptions, Lab } from "./lab.ts";

export interface DaemonOptions extends CommandOptions {
  /** The socket that tells that the daemon serves; virtlockd's own by default. */
  readonly socket?: string;
  /** Milliseconds that it may take until it serves; 10 s by default. */
  readonly startLimitMs?: number;
  /** Whether it serves, for one that has no such socket. */
  readonly serves?: () => Promise<boolean>;
}

export const LOCK_SOCKET = "/run/libvirt/virtlockd-sock";
export const ADMIN_SOCKET = "/run/libvirt/virtlockd-admin-sock";
export const PID_FILE = "/run/virtlockd.pid";
/** The installed C daemon. */
export const C_DAEMON = "/usr/sbin/virtlockd";

/** The daemon under test: HOSTKEEP_VIRTLOCKD, or what `task build` left in dist/. */
export function ownDaemon(): string {
  const built = new URL("../../../dist/virtlockd", import.meta.url).pathname;
  return Deno.env.get("HOSTKEEP_VIRTLOCKD") ?? built;
}

const START_TIMEOUT_MS = 10_000;
const REEXEC_TIMEOUT_MS = 3000;
const POLL_MS = 5;
/** Of what it says; a daemon that runs for hours is told from its last words. */
const KEPT_CHARACTERS = 4_000_000;

export class Daemon {
  readonly pid: number;
  readonly status: Promise<Deno.CommandStatus>;
  /** How it ended, once it has. */
  ended: Deno.CommandStatus | undefined;
  readonly #serves: () => Promise<boolean>;
  readonly #startLimitMs: number;
  readonly #output: Promise<unknown>;
  #stderr = "";

  private constructor(lab: Lab, process: Deno.ChildProcess, options: DaemonOptions) {
    const { socket = LOCK_SOCKET, serves = () => accepts(lab.outside(socket)) } = options;
    this.#serves = serves;
    this.#startLimitMs = options.startLimitMs ?? START_TIMEOUT_MS;
    this.pid = process.pid;
    this.#output = Promise.all([this.#collect(process.stderr), process.stdout.cancel()]);
    this.status = process.status.then((status) => this.ended = status);
  }

  static spawn(lab: Lab, binary: string, options: DaemonOptions): Daemon {
    const process = lab.command(binary, options).spawn();
    return new Daemon(lab, process, options);
  }

  /** What the daemon has written to its standard error so far, or the end of it. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Waits until the socket accepts; throws an Error if the daemon ends or its time is up. */
  async ready(): Promise<void> {
    const deadline = performance.now() + this.#startLimitMs;
    while (!await this.#serves()) {
      if (this.ended || performance.now() > deadline) {
        await this.stop();
        throw new Error(`it does not serve: ${JSON.stringify(this.ended)} ${this.#stderr}`);
      }
      await pause(POLL_MS);
    }
  }

  signal(signal: Deno.Signal): void {
    if (!this.ended) Deno.kill(this.pid, signal);
  }

  /**
   * SIGUSR1, and waits until the pid runs a fresh program image: execve gives the process another
   * stack (field 28 of /proc/PID/stat). False if the process ends instead or that time passes without.
   */
  async reexec(limitMs = REEXEC_TIMEOUT_MS): Promise<boolean> {
    const before = await stackStart(this.pid);
    this.signal("SIGUSR1");
    const deadline = performance.now() + limitMs;
    while (!this.ended && performance.now() < deadline) {
      if (await stackStart(this.pid) !== before) return true;
      await pause(POLL_MS);
    }
    return false;
  }

  /** SIGSTOP, and waits until the process stands still. */
  async freeze(): Promise<void> {
    this.signal("SIGSTOP");
    while (!this.ended && (await statOf(this.pid))[0] !== "T") await pause(1);
  }

  /** Waits up to `ms` milliseconds for the end; undefined if the daemon still runs then. */
  async endWithin(ms: number): Promise<Deno.CommandStatus | undefined> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([this.status, promise]);
    clearTimeout(timer);
    return this.ended;
  }

  /** SIGTERM, and waits for the end. */
  async terminate(): Promise<Deno.CommandStatus> {
    this.signal("SIGTERM");
    return await this.status;
  }

  /** Ends the process at once if it is still there. */
  async stop(): Promise<void> {
    this.signal("SIGKILL");
    await this.status;
    await this.#output;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#stderr += text;
      if (this.#stderr.length > 2 * KEPT_CHARACTERS) {
        this.#stderr = this.#stderr.slice(-KEPT_CHARACTERS);
      }
    }
  }
}

async function accepts(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch (error) {
    const notYet = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.ConnectionRefused;
    if (notYet) return false;
    throw error;
  }
}

/** The fields of /proc/PID/stat from the third, the state, on. */
async function statOf(pid: number): Promise<string[]> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/**
 * Differs between two program images of one process; undefined when the process is gone. In the
 * middle of execve(2) the kernel shows 0, which is neither image's: waits until that is over.
 */
export async function stackStart(pid: number): Promise<string | undefined> {
  for (;;) {
    const fields = await statOf(pid);
    if (fields[0] === "Z") return undefined;
    if (fields[25] !== "0") return fields[25];
    await pause(1);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
