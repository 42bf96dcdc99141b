/**
 * The C dmfilemapd, which Debian builds for nobody: made from Debian's source package, and linked with Debian's own libdevmapper.
 * It lies in the rig's cache and is installed nowhere.
 */
import { join } from "@std/path";
import { cachedFolder } from "../rig/cache.ts";
import { ensurePackages } from "../setup.ts";
import { run } from "../toolchain.ts";

const packages = ["gcc", "libc6-dev", "make", "pkg-config", "dpkg-dev", "xz-utils"];
const library = "libdevmapper.so.1.02.1";
/** Everything that only other programs of the package would want is left out: it may not be installed. */
const configure = [
  "--enable-dmfilemapd",
  ...["thin", "cache", "vdo", "writecache"].map((name) => `--with-${name}=none`),
  ...["blkid_wiping", "selinux", "readline", "udev_sync"].map((name) => `--disable-${name}`),
];

/** Path of the program, or why there is none. */
export async function originalDmfilemapd(): Promise<{ path?: string; reason?: string }> {
  if (!await ensurePackages("the original dmfilemapd", packages)) {
    return { reason: "its build tools are not installed" };
  }
  try {
    const version = await sourceVersion();
    const folder = await cachedFolder(`dmfilemapd-${version}`, (folder) => build(folder, version));
    return { path: join(folder, "dmfilemapd") };
  } catch (error) {
    return { reason: error instanceof Error ? error.message : String(error) };
  }
}

/** The version of the library that is installed: a daemon of the same source fits it. */
async function sourceVersion(): Promise<string> {
  const query = ["-W", "-f", "${source:Version}", "libdevmapper1.02.1"];
  return (await succeed("dpkg-query", query, "/")).trim();
}

async function build(folder: string, version: string): Promise<void> {
  console.error(`Building the original dmfilemapd of lvm2 ${version}`);
  const work = join(folder, "work");
  await Deno.mkdir(join(work, "build"), { recursive: true });
  await succeed("apt-get", ["-q", "source", "--download-only", `lvm2=${version}`], work);
  const [description] = Array.from(Deno.readDirSync(work), ({ name }) => name)
    .filter((name) => name.endsWith(".dsc"));
  await succeed("dpkg-source", ["--extract", description, "source"], work);
  const made = join(work, "build");
  await succeed("../source/configure", configure, made);
  await succeed("make", ["-C", "include"], made);
  await succeed("make", ["-C", "libdm/dm-tools", "dmfilemapd.o"], made);
  const object = join(made, "libdm/dm-tools/dmfilemapd.o");
  await succeed("cc", ["-o", join(folder, "dmfilemapd"), object, `-l:${library}`], made);
  await Deno.remove(work, { recursive: true });
}

/** Runs a program; what it printed. Throws with the last lines of it when it fails. */
async function succeed(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, output, stdout } = await run(command, args, { cwd });
  if (success) return stdout;
  throw new Error(`${command} failed: ${output.trimEnd().split("\n").slice(-3).join(" / ")}`);
}
