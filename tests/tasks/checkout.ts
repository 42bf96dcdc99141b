/** Checkouts of our own making, in temporary folders, to run tasks in. */
import { copy, ensureDir } from "@std/fs";
import { dirname, join } from "@std/path";
import { type Finished, root, run } from "../../tasks/toolchain.ts";

const tasks = [
  "deno.json",
  "imports.json",
  "deno.lock",
  "tasks",
  "ffi/libraries.ts",
  "src/host/manifest.ts",
];

const tinyDaemon = {
  "daemons/tiny/manifest.ts": `
    import type { Manifest } from "../../src/host/manifest.ts";
    export const manifest = {
      name: "tiny", libraries: ["libc.so.6"], v8Flags: ["--lite-mode"],
    } as unknown as Manifest;`,
  "daemons/tiny/main.ts": `
    import * as v from "valibot";
    import { candidatePaths } from "../../ffi/libraries.ts";
    const path = candidatePaths("libc.so.6")[0];
    const libc = Deno.dlopen(path, { getpid: { parameters: [], result: "i32" } });
    console.log(v.parse(v.literal("tiny"), "tiny"), libc.symbols.getpid() === Deno.pid);
    try {
      Deno.readTextFileSync("/etc/hostname");
    } catch (error) {
      console.log((error as Error).name);
    }`,
};

/** A temporary checkout, gone with `await using`. */
export class Checkout {
  readonly #parent: string;
  readonly path: string;

  constructor(parent: string, path: string) {
    this.#parent = parent;
    this.path = path;
  }

  /** A copy of `files` of the real checkout, in a folder called `name`. */
  static async of(files: readonly string[], name = "checkout"): Promise<Checkout> {
    const parent = await Deno.makeTempDir({ prefix: "hostkeep-checkout-" });
    const path = join(parent, name);
    for (const file of files) {
      await ensureDir(dirname(join(path, file)));
      await copy(join(root, file), join(path, file));
    }
    return new Checkout(parent, path);
  }

  /** The tasks alone, with files given by path and text. */
  static async ofTasks(files: Readonly<Record<string, string>>): Promise<Checkout> {
    const checkout = await Checkout.of(tasks);
    for (const [file, text] of Object.entries(files)) await checkout.write(file, text);
    return checkout;
  }

  /** The tasks, and a daemon "tiny" that prints one line and what it was refused. */
  static withTinyDaemon(): Promise<Checkout> {
    return Checkout.ofTasks(tinyDaemon);
  }

  async write(file: string, text: string): Promise<void> {
    await ensureDir(dirname(join(this.path, file)));
    await Deno.writeTextFile(join(this.path, file), text);
  }

  /** Runs `deno task ARGS`. */
  task(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
    return run(Deno.execPath(), ["task", "--quiet", ...args], {
      cwd: this.path,
      env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...env },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#parent, { recursive: true });
  }
}
