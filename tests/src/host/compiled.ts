/** Compiles a program of the tests as the daemons are compiled, so that it has one thread, scoped FFI and nothing else. */
import { basename, join } from "@std/path";
import type { Manifest } from "../../../src/host/manifest.ts";
import { bundle } from "../../../tasks/bundle.ts";
import { findDenort } from "../../../tasks/denort.ts";
import { compileFlags } from "../../../tasks/flags.ts";
import { hostTarget, runDeno } from "../../../tasks/toolchain.ts";

/** What compileFlags looks at. */
const libcOnly = { name: "test", libraries: ["libc.so.6"], v8Flags: [] } as unknown as Manifest;

/** An executable in a temporary folder of its own, gone with `await using`. */
export class CompiledProgram {
  private constructor(readonly folder: string, readonly path: string) {}

  /** `entry` is a path relative to the checkout. `manifest`: whose flags it gets. Throws an Error with the compiler's output. */
  static async of(entry: string, manifest: Manifest = libcOnly): Promise<CompiledProgram> {
    const folder = await Deno.makeTempDir({ prefix: "hostkeep-compiled-" });
    await Deno.chmod(folder, 0o755);
    const name = basename(entry, ".ts");
    await Deno.writeTextFile(join(folder, `${name}.js`), await bundle(entry));
    const { path: denort } = await findDenort(hostTarget());
    const flags = [
      "--no-config",
      "--no-lock",
      "--no-check",
      ...compileFlags(manifest, hostTarget()),
    ];
    const compiled = await runDeno(["compile", ...flags, "-o", name, `${name}.js`], {
      cwd: folder,
      env: denort === undefined ? {} : { DENORT_BIN: denort },
    });
    if (!compiled.success) throw new Error(`cannot compile "${entry}": ${compiled.output}`);
    return new CompiledProgram(folder, join(folder, name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
