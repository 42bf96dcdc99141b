/** A daemon in the foreground, in a mount namespace whose folders for running programs are its own. Root only. */
import { build } from "../../tasks/build.ts";
import { exists, run } from "../../tasks/toolchain.ts";
import { eventually } from "./corosync/eventually.ts";

interface Kind {
  /** Keep it in the foreground. */
  readonly args: readonly string[];
  /** Its control socket. */
  readonly control: string;
}

/** Those that start on a machine without cluster and devices. */
export const KINDS: Readonly<Record<string, Kind>> = {
  cmannotifyd: { args: ["-f"], control: "/run/cmannotifyd.control" },
  cmirrord: { args: ["-f"], control: "/run/cmirrord/control" },
  mdmpd: { args: ["-f"], control: "/run/mdmpd/control" },
  virtlockd: { args: ["-f", "/dev/null"], control: "/run/libvirt/virtlockd-control-sock" },
};

/** $1 is done in the namespace; then comes the command that it becomes. */
const FURNISH = `
  for folder in /run /var/log /etc/cluster; do
    mkdir -p $folder; mount -t tmpfs none $folder || exit 1
  done
  eval "$1"; shift
  exec "$@"
`;

/** Why there can be none, or undefined. */
export async function privateObstacle(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "not root";
  // cmirrord would hear the requests of mirrors that are another daemon's.
  if (await exists("/sys/module/dm_log_userspace")) return "the kernel may have cluster mirrors";
  return (await run("unshare", ["--mount", "true"])).success ? undefined : "no mount namespaces";
}

export interface PrivateOptions {
  readonly args?: readonly string[];
  /** Shell commands, before the daemon starts. */
  readonly before?: string;
  /** A program in front of it, with its arguments, which executes it. */
  readonly front?: readonly string[];
}

export class PrivateDaemon implements AsyncDisposable {
  #log = "";
  readonly #reading: Promise<void>;

  private constructor(readonly name: string, private readonly child: Deno.ChildProcess) {
    this.#reading = this.#read();
  }

  /** Resolves when it answers. Throws an Error with its log when it does not. */
  static async start(name: string, options: PrivateOptions = {}): Promise<PrivateDaemon> {
    const { args = [], before = "", front = [] } = options;
    const command = [...front, await build(name), ...KINDS[name].args, ...args];
    const child = new Deno.Command("unshare", {
      args: ["--mount", "--propagation", "private", "sh", "-c", FURNISH, "sh", before, ...command],
      clearEnv: true,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const daemon = new PrivateDaemon(name, child);
    await eventually(`${name} answers`, () => daemon.answers());
    return daemon;
  }

  get pid(): number {
    return this.child.pid;
  }

  /** What it wrote to standard error so far. */
  get log(): string {
    return this.#log;
  }

  /** A path as it is in the daemon's namespace, for this process. */
  inside(path: string): string {
    return `/proc/${this.pid}/root${path}`;
  }

  /** The answer to a request on the control socket. Throws where there is none. */
  async ask(request: string): Promise<string> {
    const path = this.inside(KINDS[this.name].control);
    using connection = await Deno.connect({ transport: "unix", path });
    await connection.write(new TextEncoder().encode(`${request}\n`));
    await connection.closeWrite();
    const text = await new Response(connection.readable).text();
    const [head, rest] = text.split(/\n([^]*)/);
    if (!head.startsWith("ok ")) throw new Error(`${request}: ${text}`);
    return rest;
  }

  async answers(): Promise<boolean> {
    try {
      return await this.ask("status") !== "";
    } catch {
      return false;
    }
  }

  /** Ends it; its exit code. */
  async end(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    try {
      this.child.kill(signal);
    } catch {
      // it has ended by itself
    }
    const { code } = await this.child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.child.stderr) this.#log += decoder.decode(bytes);
  }
}
