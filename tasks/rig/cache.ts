/** The folder outside of the checkout that keeps what the rig has downloaded and built, safe for several runs at a time. */
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { exists, run, sha256 } from "../toolchain.ts";

/** $XDG_CACHE_HOME/hostkeep/rig, or its place in the home folder. */
export function cacheFolder(): string {
  const base = Deno.env.get("XDG_CACHE_HOME") || join(Deno.env.get("HOME") ?? "/", ".cache");
  return join(base, "hostkeep/rig");
}

/** Calls `body` while no other process is in here. */
export async function withCacheLock<T>(body: () => Promise<T>): Promise<T> {
  await ensureDir(cacheFolder());
  using file = await Deno.open(join(cacheFolder(), "lock"), { create: true, write: true });
  await file.lock(true);
  return await body(); // closing the file gives up the lock, as the end of the process does
}

/**
 * A folder of the cache that is whole or not there: `fill` is called for a new one, whose files get digests, and which
 * then takes its name at once. One whose files are not what was stored is made anew. Returns its path.
 */
export async function cachedFolder(
  name: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const path = join(cacheFolder(), name);
  if (await isIntact(path)) return path;
  return await withCacheLock(async () => {
    if (await isIntact(path)) return path;
    await makeFolder(path, fill);
    return path;
  });
}

async function makeFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const building = await Deno.makeTempDir({ dir: cacheFolder(), prefix: "building-" });
  try {
    await fill(building);
    await writeDigests(building);
    await Deno.chmod(building, 0o755);
    if (await exists(path)) await Deno.remove(path, { recursive: true });
    await Deno.rename(building, path);
  } catch (error) {
    await Deno.remove(building, { recursive: true });
    throw error;
  }
}

const digests = "SHA256SUMS";

async function writeDigests(folder: string): Promise<void> {
  const script = `find . -type f ! -name ${digests} -print0 | sort -z | xargs -0 sha256sum`;
  const { success, stdout, output } = await run("sh", ["-c", script], { cwd: folder });
  if (!success) throw new Error(`cannot sum up "${folder}": ${output}`);
  await Deno.writeTextFile(join(folder, digests), stdout);
}

/** Whether every file of a folder is there and is what was stored. All processors sum up at once: it happens before each run. */
export async function isIntact(folder: string): Promise<boolean> {
  if (!await exists(join(folder, digests))) return false;
  const sum = `printf '%s\\n' "$@" | sha256sum --check --strict --status -`;
  const args = ["-a", digests, "-d", "\\n", "-n", "300", "-P", "0", "sh", "-c", sum, "sh"];
  return (await run("xargs", args, { cwd: folder })).success;
}

/** A name for what was made from `parts`: the same parts give the same name. */
export async function nameOf(prefix: string, parts: readonly string[]): Promise<string> {
  return `${prefix}-${(await sha256(JSON.stringify(parts))).slice(0, 16)}`;
}
