/** A Debian of our own to install packages in: this machine's files, of which nothing can be changed, and a private /run. */
import { assertEquals } from "@std/assert";
import { root, run } from "../../../tasks/toolchain.ts";

/** All that is written goes to memory, and ends with the mount namespace. systemd does not run in it: /run is empty. */
const setUp = `set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/scratch" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/scratch" overlay "$1/root"
mount --rbind /dev "$1/root/dev"
mount -t proc proc "$1/root/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/root/run"
mkdir "$1/root/run/packages"
mount --bind "$2" "$1/root/run/packages"
echo ready
exec cat`;

/** Ends when it is disposed of, or when the test does. */
export class DebianRoot {
  readonly #holder: Deno.ChildProcess;
  readonly #root: string;

  private constructor(holder: Deno.ChildProcess, folder: string) {
    this.#holder = holder;
    this.#root = `${folder}/root`;
  }

  /** Mounts it on `folder`, with `packages` as /run/packages. */
  static async on(folder: string, packages: string): Promise<DebianRoot> {
    const holder = new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", setUp, "sh", folder, packages],
      stdin: "piped",
      stdout: "piped",
      cwd: root,
    }).spawn();
    const reader = holder.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    if (value === undefined) throw new Error("the Debian to install in cannot be mounted");
    return new DebianRoot(holder, folder);
  }

  /** Runs a shell script in there, which must end well, and returns what it printed. */
  async done(script: string): Promise<string> {
    const inside = ["chroot", this.#root, "sh", "-c", script];
    const namespace = `--mount=/proc/${this.#holder.pid}/ns/mnt`;
    const { success, output } = await run("nsenter", [namespace, ...inside], {
      env: { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
    });
    assertEquals(success, true, `${script}: ${output}`);
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.status;
  }
}
