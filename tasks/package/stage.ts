/** Lays the files of a package out in a folder, as they are to be installed. */
import { dirname, join } from "@std/path";
import type { Entry } from "./content.ts";

/** Writes `entries` below `folder`, with their modes, and everything in it at one time (seconds since 1970). */
export async function stage(
  entries: readonly Entry[],
  folder: string,
  epoch: number,
): Promise<void> {
  for (const entry of entries) await write(entry, join(folder, entry.path));
  await setTimes(folder, epoch);
}

async function write({ mode, source }: Entry, path: string): Promise<void> {
  await Deno.mkdir(source === undefined ? path : dirname(path), { recursive: true });
  if (source !== undefined && "file" in source) await Deno.copyFile(source.file, path);
  else if (source !== undefined) await Deno.writeFile(path, source.bytes);
  await Deno.chmod(path, mode); // whatever the umask
}

/** Folders on the way have mode 755 and, like files, the one time. */
async function setTimes(folder: string, epoch: number): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) await setTimes(path, epoch);
    else await Deno.utime(path, epoch, epoch);
  }
  await Deno.chmod(folder, 0o755);
  await Deno.utime(folder, epoch, epoch);
}

/** The sum of the files' sizes, in bytes. */
export async function sizeOf(entries: readonly Entry[]): Promise<number> {
  let total = 0;
  for (const { source } of entries) {
    if (source === undefined) continue;
    total += "file" in source ? (await Deno.stat(source.file)).size : source.bytes.length;
  }
  return total;
}
