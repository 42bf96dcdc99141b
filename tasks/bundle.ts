/**
 * One daemon, npm packages included, as one JavaScript file. Compiled from that it starts 7 ms sooner and holds 8 MB
 * less than with its packages embedded file by file.
 */
import { relative } from "@std/path";
import { denoFolders, root, runDeno } from "./toolchain.ts";

/** Bundles the module `entry`. Where the checkout and Deno's cache lie does not show in the result. */
export async function bundle(entry: string): Promise<string> {
  const { npmCache } = await denoFolders();
  const finished = await runDeno(["bundle", "--quiet", "--lock=deno.lock", entry]);
  if (!finished.success) throw new Error(`cannot bundle "${entry}": ${finished.output}`);
  return withoutFolder(finished.stdout, relative(root, npmCache));
}

/** The bundler names each file, relative to the checkout; of a package that leaves `npm/NAME/VERSION/FILE`. */
export function withoutFolder(code: string, npmCache: string): string {
  const registry = new RegExp(`${RegExp.escape(npmCache)}/[^/\\s"']+/`, "g");
  return code.replace(registry, "npm/");
}
