/** The checksums of what was made, as `sha256sum --check` reads them. */
import { join } from "@std/path";
import { sha256 } from "../toolchain.ts";

const SUMS = "SHA256SUMS";

/** Writes SHA256SUMS over all files of a folder, sorted by name, and returns its path. */
export async function writeSums(folder: string): Promise<string> {
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(folder)) {
    if (isFile && name !== SUMS) names.push(name);
  }
  const lines: string[] = [];
  for (const name of names.sort()) {
    lines.push(`${await sha256(await Deno.readFile(join(folder, name)))}  ${name}\n`);
  }
  const path = join(folder, SUMS);
  await Deno.writeTextFile(path, lines.join(""));
  return path;
}
