/**
 * A lab: a private mount namespace in which a virtlockd, the C one or ours, runs with the paths of
 * a real host (/run/libvirt/virtlockd-sock, /run/virtlockd.pid, lockspaces under /srv) while any
 * number of other labs do the same beside it. Needs root, or CAP_SYS_ADMIN in any other way.
 */
import { Daemon, type DaemonOptions } from "./lab_daemon.ts";

export interface LabOptions {
  /** Text of /etc/libvirt/virtlockd.conf; without it that folder is the host's. */
  readonly defaultConfig?: string;
  /** A network of its own, in which there is nothing but a loopback device. */
  readonly network?: boolean;
}

export interface CommandOptions {
  /** argv[0]; the program's path unless given. */
  readonly argv0?: string;
  readonly args?: readonly string[];
  /** Added to the environment of the test process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as this user and the group of the same number, with no other groups. */
  readonly uid?: number;
  readonly cwd?: string;
  readonly umask?: string;
  /** RLIMIT_NOFILE, soft and hard. */
  readonly openFiles?: number;
  readonly stdin?: "piped" | "null";
}

/** Where lockspaces and lease files of a test live, inside the lab. */
export const WORK_DIRECTORY = "/srv";

/** Tmpfs on everything virtlockd writes to by default, so that the host's is out of reach. */
const privateDirectories = ["/run", "/var/log", WORK_DIRECTORY];

export class Lab implements AsyncDisposable {
  readonly #keeper: Deno.ChildProcess;
  readonly #toKeeper: WritableStreamDefaultWriter<Uint8Array>;
  readonly #daemons: Daemon[] = [];

  private constructor(keeper: Deno.ChildProcess, private readonly hasNetwork: boolean) {
    this.#keeper = keeper;
    this.#toKeeper = keeper.stdin.getWriter();
  }

  /** Throws an Error if the namespace cannot be made (not root). */
  static async open(options: LabOptions = {}): Promise<Lab> {
    const { defaultConfig: config, network = false } = options;
    const places = [...privateDirectories, ...(config === undefined ? [] : ["/etc/libvirt"])];
    const mounts = places.map((place) => `mount -t tmpfs -o mode=755 hostkeep-lab ${place}`);
    const lab = new Lab(spawnKeeper(mounts.join(" && "), network), network);
    await lab.#ready();
    await Deno.mkdir(lab.outside("/var/log/libvirt"));
    if (config !== undefined) await lab.write("/etc/libvirt/virtlockd.conf", config);
    return lab;
  }

  /** A path inside the lab as the test process can reach it. */
  outside(path: string): string {
    return `/proc/${this.#keeper.pid}/root${path}`;
  }

  async write(path: string, text: string, mode = 0o644): Promise<void> {
    await Deno.writeTextFile(this.outside(path), text);
    await Deno.chmod(this.outside(path), mode);
  }

  /** Gives a program a path that every user of the lab can reach, wherever it is on the host. */
  async expose(program: string): Promise<string> {
    const path = `/run/${program.slice(program.lastIndexOf("/") + 1)}`;
    await this.write(path, "");
    await this.run("mount", "--bind", program, path);
    return path;
  }

  /** A command inside the lab; the spawned pid is that of the program itself. */
  command(program: string, options: CommandOptions = {}): Deno.Command {
    const { argv0, openFiles } = options;
    const limit = openFiles === undefined ? "" : `ulimit -n ${openFiles};`;
    const name = argv0 === undefined ? "" : '-a "$0"';
    const script = `umask ${options.umask ?? "022"}; ${limit} exec ${name} "$@"`;
    const shell = argv0 === undefined ? "sh" : "bash";
    return new Deno.Command("nsenter", {
      args: [
        `--mount=/proc/${this.#keeper.pid}/ns/mnt`,
        ...this.hasNetwork ? [`--net=/proc/${this.#keeper.pid}/ns/net`] : [],
        `--wdns=${options.cwd ?? WORK_DIRECTORY}`,
        ...switchUser(options.uid),
        ...[shell, "-c", script, argv0 ?? program, program, ...options.args ?? []],
      ],
      env: { LC_ALL: "C", ...options.env },
      stdin: options.stdin ?? "null",
      stdout: "piped",
      stderr: "piped",
    });
  }

  /** Runs a command to its end and gives its output; throws an Error if it fails. */
  async run(program: string, ...args: string[]): Promise<string> {
    const { success, stdout, stderr } = await this.command(program, { args }).output();
    const decoder = new TextDecoder();
    if (success) return decoder.decode(stdout);
    throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(stderr)}`);
  }

  /**
   * Starts a daemon and waits until its socket accepts, or until it serves in another way.
   * Throws an Error with its standard error if it ends first or takes longer than 10 s.
   */
  async start(binary: string, options: DaemonOptions = {}): Promise<Daemon> {
    const daemon = Daemon.spawn(this, binary, options);
    this.#daemons.push(daemon);
    await this.#tellKeeper();
    await daemon.ready();
    return daemon;
  }

  /** Folders of a session daemon of that user; gives the environment naming them. */
  async session(uid: number): Promise<Record<string, string>> {
    const home = `/run/home-${uid}`;
    const runtime = `/run/user-${uid}`;
    for (const folder of [home, runtime]) {
      await Deno.mkdir(this.outside(folder), { mode: 0o700 });
      await Deno.chown(this.outside(folder), uid, uid);
    }
    return {
      HOME: home,
      XDG_RUNTIME_DIR: runtime,
      XDG_CONFIG_HOME: `${home}/.config`,
      XDG_CACHE_HOME: `${home}/.cache`,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#daemons.map((daemon) => daemon.stop()));
    await this.#tellKeeper();
    await this.#toKeeper.close();
    await this.#keeper.stdout.cancel();
    await this.#keeper.status;
  }

  /** Tells the keeper whom to end if the test process dies. */
  async #tellKeeper(): Promise<void> {
    const living = this.#daemons.filter(({ ended }) => !ended).map(({ pid }) => pid);
    await this.#toKeeper.write(new TextEncoder().encode(`${living.join(" ")}\n`));
  }

  async #ready(): Promise<void> {
    const reader = this.#keeper.stdout.getReader();
    const { done } = await reader.read();
    reader.releaseLock();
    if (done) throw new Error("cannot make a mount namespace: the native tests need root");
  }
}

/**
 * Keeps the namespace alive while its stdin is open. Each line names the daemons that live; when
 * the test process dies they are ended, so that nothing is left behind.
 */
function spawnKeeper(mounts: string, network: boolean): Deno.ChildProcess {
  const watch = "while read -r living; do daemons=$living; done; kill -9 $daemons 2>/dev/null";
  const up = network ? "ip link set lo up && " : "";
  const script = `${up}${mounts} && echo ready && { ${watch}; true; }`;
  return new Deno.Command("unshare", {
    args: [
      ...["--mount", "--propagation", "private"],
      ...[...network ? ["--net"] : [], "sh", "-c", script],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

function switchUser(uid: number | undefined): string[] {
  return uid === undefined
    ? []
    : ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--"];
}
