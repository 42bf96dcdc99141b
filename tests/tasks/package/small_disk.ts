/** A file system in memory that is soon full, in a mount namespace of its own. Only root can make one. */
import { assertEquals } from "@std/assert";
import { run } from "../../../tasks/toolchain.ts";

const setUp = `set -e
mount -t tmpfs -o "$2" tmpfs "$1"
echo ready
exec cat`;

/** Ends when it is disposed of, or when the test does. */
export class SmallDisk {
  readonly #holder: Deno.ChildProcess;
  readonly #place: string;

  private constructor(holder: Deno.ChildProcess, place: string) {
    this.#holder = holder;
    this.#place = place;
  }

  /** Mounts it on a folder; `options` are those of tmpfs(5). */
  static async on(place: string, options: string): Promise<SmallDisk> {
    const holder = new Deno.Command("unshare", {
      args: ["--mount", "sh", "-c", setUp, "sh", place, options],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const reader = holder.stdout.getReader();
    const { value } = await reader.read();
    await reader.cancel();
    if (value === undefined) throw new Error(`tmpfs with ${options} cannot be mounted`);
    return new SmallDisk(holder, place);
  }

  /** Where it is seen outside of its namespace. */
  get folder(): string {
    return `/proc/${this.#holder.pid}/root${this.#place}`;
  }

  /** Somebody makes room. */
  async enlarge(): Promise<void> {
    const namespace = `--mount=/proc/${this.#holder.pid}/ns/mnt`;
    const options = "remount,size=1m,nr_inodes=1000";
    const command = [namespace, "mount", "-o", options, this.#place];
    assertEquals((await run("nsenter", command)).success, true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stdin.close();
    await this.#holder.status;
  }
}
