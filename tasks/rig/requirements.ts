/** What the rig needs of the machine it runs on. */
import { run } from "../toolchain.ts";

/** Debian packages: the emulator, what makes the guest's boot image, and what scenarios use. */
export const rigPackages: readonly string[] = [
  "qemu-system-x86",
  "busybox-static",
  "kmod",
  "xz-utils",
  "util-linux",
  "iproute2",
  "dmsetup",
  "e2fsprogs",
  "xfsprogs",
  "btrfs-progs",
  "mdadm",
  "fio",
  "blktrace",
];

/** Programs without which no guest starts, each with the package that has it. */
const programs: Readonly<Record<string, string>> = {
  "qemu-system-x86_64": "qemu-system-x86",
  busybox: "busybox-static",
  depmod: "kmod",
  modprobe: "kmod",
  xz: "xz-utils",
  setpriv: "util-linux",
  ip: "iproute2",
  "apt-get": "apt",
  "dpkg-deb": "dpkg",
};

/** Why no guest can be started here; undefined if nothing is known to be in the way. */
export async function obstacle(): Promise<string | undefined> {
  if (Deno.build.os !== "linux" || Deno.build.arch !== "x86_64") {
    return "the rig is for x86-64 Linux";
  }
  const missing = await missingPrograms(Object.keys(programs));
  if (missing.length === 0) return undefined;
  const packages = new Set(missing.map((program) => programs[program]));
  return `install as root: apt-get install --no-install-recommends ${[...packages].join(" ")}`;
}

/** Those of `names` that are not on PATH, nor in the folders for administrators, which are on a guest's. */
export async function missingPrograms(names: readonly string[]): Promise<string[]> {
  const missing: string[] = [];
  for (const name of names) if (await findProgram(name) === undefined) missing.push(name);
  return missing;
}

/** Path of a program. */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = `${Deno.env.get("PATH") ?? ""}:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin`;
  for (const folder of folders.split(":").filter((folder) => folder.startsWith("/"))) {
    const path = `${folder}/${name}`;
    if (await isReachable(path)) return path;
  }
  return undefined;
}

/** PATH may name folders that are closed to us. */
async function isReachable(path: string): Promise<boolean> {
  return await Deno.stat(path).then(({ isFile }) => isFile, () => false);
}

/** Runs a program of the list above, wherever it is, and returns what it printed. Throws with its output when it fails. */
export async function output(
  name: string,
  args: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Promise<string> {
  const finished = await run(await findProgram(name) ?? name, args, options);
  if (!finished.success) throw new Error(`${name} ${args[0]} failed: ${finished.output.trim()}`);
  return finished.stdout;
}
