/**
 * A lab with a whole virtualization host in it: libvirtd, virtlockd (the C one or ours) and real
 * QEMU guests, in mount, pid and network namespaces of their own. Nothing of the host is touched,
 * and when the lab ends, or the test process dies, the kernel ends everything in it.
 */
import { temporaryFolder } from "./c_program.ts";
import { pause } from "./lab_daemon.ts";
import { auditLocks } from "./libvirtd_locks.ts";

export interface LibvirtLabOptions {
  /** The virtlockd to run. */
  readonly binary: string;
  /** Lines of /etc/libvirt/qemu-lockd.conf */
  readonly lockdPlugin?: string;
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** argv[0] of every virtlockd in the lab; replaced by rename, as a package upgrade does it. */
export const DAEMON_PATH = "/run/hostkeep/sbin/virtlockd";
export const LIBVIRTD_PID_FILE = "/run/libvirtd.pid";
export const VIRTLOCKD_PID_FILE = "/run/virtlockd.pid";

const DRIVERS = "/run/hostkeep/drivers";
const DEADLINE_MS = 20_000;
const POLL_MS = 5;

/** What a host without cgroups, AppArmor and a second user needs to run guests as root. */
const qemuConfig = `lock_manager = "lockd"
user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
security_driver = "none"
stdio_handler = "file"
namespaces = []
`;

/** libvirtd asks QEMU what it can do once per lab, about a second, unless it finds its own notes. */
let capabilitiesCache: Promise<string> | undefined;

export class LibvirtLab implements AsyncDisposable {
  readonly #keeper: Deno.ChildProcess;
  readonly #init: string;

  private constructor(keeper: Deno.ChildProcess, init: string) {
    this.#keeper = keeper;
    this.#init = init;
  }

  /** A lab with virtlockd and libvirtd running. Throws an Error if one of them does not come up. */
  static async open(options: LibvirtLabOptions): Promise<LibvirtLab> {
    const keeper = spawnKeeper(await (capabilitiesCache ??= temporaryFolder("hostkeep-libvirt-")));
    const lab = new LibvirtLab(keeper, await initPid(keeper));
    try {
      await lab.#furnish(options);
      await lab.startVirtlockd();
      await lab.startLibvirtd();
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
    return lab;
  }

  /** A path inside the lab as the test process can reach it. */
  outside(path: string): string {
    return `/proc/${this.#init}/root${path}`;
  }

  async write(path: string, text: string): Promise<void> {
    await Deno.mkdir(this.outside(path.slice(0, path.lastIndexOf("/") + 1)), { recursive: true });
    await Deno.writeTextFile(this.outside(path), text);
  }

  async read(path: string): Promise<string> {
    return await Deno.readTextFile(this.outside(path));
  }

  /** A command inside the lab, with `/` as its folder and the C locale. */
  command(program: string, args: readonly string[], stdin: "null" | "piped"): Deno.Command {
    const namespaces = ["--mount", "--pid", "--net", "--wdns=/"];
    return new Deno.Command("nsenter", {
      args: [`--target=${this.#init}`, ...namespaces, "--", program, ...args],
      env: {
        LC_ALL: "C",
        LIBVIRT_DRIVER_DIR: DRIVERS,
        LIBVIRT_DEFAULT_URI: "qemu:///system",
      },
      stdin,
      stdout: "piped",
      stderr: "piped",
    });
  }

  async try(program: string, ...args: string[]): Promise<Outcome> {
    const { code, stdout, stderr } = await this.command(program, args, "null").output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** Throws an Error with the command's standard error and the daemon's log if it fails. */
  async run(program: string, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.try(program, ...args);
    if (code === 0) return stdout;
    throw new Error(`${program} ${args.join(" ")}: exit ${code}\n${stderr}\n${await this.log()}`);
  }

  async virsh(...args: string[]): Promise<string> {
    return await this.run("virsh", "-q", ...args);
  }

  /** Puts another binary in the place of the daemon's, without a moment in which there is none. */
  async installDaemon(binary: string): Promise<void> {
    await Deno.copyFile(binary, this.outside(`${DAEMON_PATH}.new`));
    await Deno.rename(this.outside(`${DAEMON_PATH}.new`), this.outside(DAEMON_PATH));
  }

  /** Whether the running daemon executes the binary installed last. */
  async runsInstalled(): Promise<boolean> {
    const installed = await Deno.stat(this.outside(DAEMON_PATH));
    const executed = await Deno.stat(this.outside(`/proc/${await this.daemonPid()}/exe`));
    return installed.ino === executed.ino && installed.dev === executed.dev;
  }

  async startVirtlockd(): Promise<void> {
    await this.run("bash", "-c", `ulimit -n 8192 && exec ${DAEMON_PATH} -d`);
  }

  /** Returns once libvirtd has made the lockspaces it is configured for and found its guests. */
  async startLibvirtd(): Promise<void> {
    await this.run("libvirtd", "-d");
    await this.virsh("list");
  }

  /** The pid in the lab's own numbering. */
  async daemonPid(): Promise<number> {
    return Number(await this.read(VIRTLOCKD_PID_FILE));
  }

  async libvirtdPid(): Promise<number> {
    return Number(await this.read(LIBVIRTD_PID_FILE));
  }

  async guestPid(name: string): Promise<number> {
    return Number(await this.read(`/run/libvirt/qemu/${name}.pid`));
  }

  /** Signals a process of the lab. */
  async kill(pid: number, signal: string): Promise<void> {
    await this.run("kill", `-${signal}`, `${pid}`);
  }

  async alive(pid: number): Promise<boolean> {
    const stat = await this.read(`/proc/${pid}/stat`).catch(() => "");
    return stat !== "" && !stat.includes(") Z ");
  }

  /** Waits for the process to be gone, not even a zombie. */
  async gone(pid: number): Promise<void> {
    await eventually(
      `end of process ${pid}`,
      async () => !await exists(this.outside(`/proc/${pid}`)),
    );
  }

  /** The locks of virtlockd, the one on its pid file too; see `auditLocks`. */
  async locks(): Promise<string[]> {
    return await auditLocks(this.outside("/proc/locks"), await this.daemonPid());
  }

  /** Re-executes virtlockd by SIGUSR1 and waits until the new image serves its admin socket. */
  async reexec(): Promise<void> {
    const pid = await this.daemonPid();
    const before = await this.imageOf(pid);
    await this.kill(pid, "USR1");
    await eventually("re-exec", async () => {
      const now = await this.imageOf(pid);
      if (now === undefined) throw new Error(`virtlockd ended at SIGUSR1\n${await this.log()}`);
      return now !== before;
    });
    await this.run("virt-admin", "-c", "virtlockd:///system", "srv-list");
  }

  /** Differs after every execve: the random address of the stack, field 28 of /proc/PID/stat. */
  async imageOf(pid: number): Promise<string | undefined> {
    const stat = await this.read(`/proc/${pid}/stat`).catch(() => undefined);
    return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[25];
  }

  /** What virtlockd has logged. */
  async log(): Promise<string> {
    return await this.read("/var/log/libvirt/virtlockd.log").catch(() => "(no log)");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#keeper.stdin.close().catch(() => {});
    await this.#keeper.stdout.cancel();
    await this.#keeper.status;
  }

  async #furnish(options: LibvirtLabOptions): Promise<void> {
    await Deno.mkdir(this.outside("/run/hostkeep/sbin"), { recursive: true });
    await this.installDaemon(options.binary);
    await this.write("/etc/libvirt/qemu.conf", qemuConfig);
    await this.write("/etc/libvirt/qemu-lockd.conf", options.lockdPlugin ?? "");
    await this.write("/etc/libvirt/libvirtd.conf", `auth_unix_rw = "none"\n`);
    await Deno.mkdir(this.outside(DRIVERS));
    const driver = "libvirt_driver_qemu.so";
    await Deno.symlink(await installedDriver(driver), this.outside(`${DRIVERS}/${driver}`));
  }
}

/** Polls every few milliseconds; throws an Error naming `what` after 20 s. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`waited too long for ${what}`);
    await pause(POLL_MS);
  }
}

export async function exists(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}

function spawnKeeper(cache: string): Deno.ChildProcess {
  const script = new URL("helpers/libvirtd_init.sh", import.meta.url).pathname;
  const namespaces = ["--mount", "--pid", "--net", "--fork", "--kill-child"];
  return new Deno.Command("unshare", {
    args: [...namespaces, "--propagation", "private", "bash", script, cache],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

/** Throws an Error if the namespaces cannot be made (not root, or libvirtd is not installed). */
async function initPid(keeper: Deno.ChildProcess): Promise<string> {
  const reader = keeper.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const pid = /ready (\d+)/.exec(new TextDecoder().decode(value))?.[1];
  if (pid) return pid;
  throw new Error("cannot make the namespaces of a libvirtd lab");
}

/** Only QEMU's driver is loaded: the others cost start-up time and look at the host's network. */
async function installedDriver(name: string): Promise<string> {
  for await (const { name: triplet } of Deno.readDir("/usr/lib")) {
    const path = `/usr/lib/${triplet}/libvirt/connection-driver/${name}`;
    if (await exists(path)) return path;
  }
  throw new Error(`${name} is not installed`);
}
