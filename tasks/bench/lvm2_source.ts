/**
 * Daemons of lvm2 that Debian builds for nobody: made from Debian's source package, and linked with Debian's own libdevmapper. They lie
 * in the rig's cache and are installed nowhere.
 */
import { join } from "@std/path";
import { cachedFolder } from "../rig/cache.ts";
import { ensurePackages } from "../setup.ts";
import { run } from "../toolchain.ts";

/** How one of them is made. */
export interface Recipe {
  readonly name: string;
  /** Debian packages beside those that every build needs. */
  readonly packages: readonly string[];
  /** The option of configure that asks for it. */
  readonly option: string;
  /** Where its objects are made in the build folder, and their names. */
  readonly folder: string;
  readonly objects: readonly string[];
  /** What cc links it with, beside libdevmapper. */
  readonly libraries: readonly string[];
}

/** The path of a program, or why there is none. */
export interface Original {
  readonly path?: string;
  readonly reason?: string;
}

const packages = ["gcc", "libc6-dev", "make", "pkg-config", "dpkg-dev", "xz-utils"];
const library = "libdevmapper.so.1.02.1";
/** Everything that only other programs of the package would want is left out: it may not be installed. */
const configure = [
  ...["thin", "cache", "vdo", "writecache"].map((name) => `--with-${name}=none`),
  ...["blkid_wiping", "selinux", "readline", "udev_sync"].map((name) => `--disable-${name}`),
];

/** Makes it where it is not in the cache yet. */
export async function originalOf(recipe: Recipe): Promise<Original> {
  const { name } = recipe;
  if (!await ensurePackages(`the original ${name}`, [...packages, ...recipe.packages])) {
    return { reason: "its build tools are not installed" };
  }
  try {
    const version = await sourceVersion();
    const fill = (folder: string): Promise<void> => build(folder, version, recipe);
    return { path: join(await cachedFolder(`${name}-${version}`, fill), name) };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

/** The version of the library that is installed: a daemon of the same source fits it. */
async function sourceVersion(): Promise<string> {
  const query = ["-W", "-f", "${source:Version}", "libdevmapper1.02.1"];
  return (await succeed("dpkg-query", query, "/")).trim();
}

async function build(folder: string, version: string, recipe: Recipe): Promise<void> {
  const { name, option, objects, libraries } = recipe;
  console.error(`Building the original ${name} of lvm2 ${version}`);
  const work = join(folder, "work");
  const made = join(work, "build");
  await Deno.mkdir(made, { recursive: true });
  await succeed("apt-get", ["-q", "source", "--download-only", `lvm2=${version}`], work);
  const [description] = Array.from(Deno.readDirSync(work), ({ name }) => name)
    .filter((name) => name.endsWith(".dsc"));
  await succeed("dpkg-source", ["--extract", description, "source"], work);
  await succeed("../source/configure", [option, ...configure], made);
  await succeed("make", ["-C", "include"], made);
  await succeed("make", ["-C", recipe.folder, ...objects], made);
  const paths = objects.map((object) => join(made, recipe.folder, object));
  await succeed("cc", ["-o", join(folder, name), ...paths, `-l:${library}`, ...libraries], made);
  await Deno.remove(work, { recursive: true });
}

/** Runs a program; what it printed. Throws with the last lines of it when it fails. */
async function succeed(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, output, stdout } = await run(command, args, { cwd });
  if (success) return stdout;
  throw new Error(`${command} failed: ${output.trimEnd().split("\n").slice(-3).join(" / ")}`);
}
