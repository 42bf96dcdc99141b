/** Debian's stock kernel: downloaded as a package, checked, and unpacked into the cache. Nothing is installed. */
import { ensureDir } from "@std/fs";
import { join } from "@std/path";
import { exists, sha256 } from "../toolchain.ts";
import { cachedFolder, cacheFolder, isIntact } from "./cache.ts";
import { output } from "./requirements.ts";
import { isXz, kernelPayload } from "./vmlinux.ts";

/** A kernel in the cache. */
export interface Kernel {
  /** As `uname -r` says it. */
  readonly release: string;
  /** Path of what QEMU starts: the ELF kernel, or the bzImage where that cannot be unpacked. */
  readonly image: string;
  /** Path of the folder with its modules, to be /lib/modules/RELEASE. */
  readonly modules: string;
}

/** The package, as apt's index describes it. */
interface Package {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** Folders of modules that storage and clusters may need; the rest, graphics and the like, is three quarters of all. */
const moduleFolders = [
  ...["arch", "block", "crypto", "fs", "lib", "mm", "net"],
  ...["block", "char", "crypto", "dax", "md", "nvdimm", "nvme", "scsi", "target", "vhost", "virtio"]
    .map((name) => `drivers/${name}`),
  ...["virtio_net.ko", "net_failover.ko", "dummy.ko", "veth.ko", "ifb.ko", "bonding"]
    .map((name) => `drivers/net/${name}`),
];

/** The cached kernel, or the one that apt offers now. Throws when there is none to be had. */
export async function obtainKernel(): Promise<Kernel> {
  const kept = await keptKernel();
  if (kept !== undefined) return kernelIn(kept);
  const wanted = await offeredPackage();
  const name = `kernel-${wanted.name.replace("linux-image-", "")}-${wanted.version}`;
  const folder = await cachedFolder(name, (folder) => unpackInto(folder, wanted));
  await Deno.writeTextFile(join(cacheFolder(), "kernel"), name);
  return await kernelIn(folder);
}

/** A kernel stays until the cache is emptied: a test should not change because a mirror did. */
async function keptKernel(): Promise<string | undefined> {
  const pointer = join(cacheFolder(), "kernel");
  if (!await exists(pointer)) return undefined;
  const folder = join(cacheFolder(), await Deno.readTextFile(pointer));
  return await isIntact(folder) ? folder : undefined;
}

async function kernelIn(folder: string): Promise<Kernel> {
  const modules = join(folder, "lib/modules");
  for await (const { name } of Deno.readDir(modules)) {
    return { release: name, image: join(folder, "image"), modules: join(modules, name) };
  }
  throw new Error(`"${modules}" holds no kernel's modules`);
}

/** linux-image-amd64 depends on the kernel that is current. */
async function offeredPackage(): Promise<Package> {
  const depends = await output("apt-cache", ["depends", "linux-image-amd64"]);
  const name = /Depends: (linux-image-[0-9]\S*-amd64)$/m.exec(depends)?.[1];
  if (name === undefined) throw new Error("apt knows no linux-image-amd64: run apt-get update");
  return parsePackage(await output("apt-cache", ["show", "--no-all-versions", name]));
}

/** Reads a paragraph of `apt-cache show`. */
export function parsePackage(text: string): Package {
  const field = (name: string): string => {
    const value = new RegExp(`^${name}: (\\S+)$`, "m").exec(text)?.[1];
    if (value === undefined) throw new Error(`apt does not say the kernel's ${name}`);
    return value;
  };
  return { name: field("Package"), version: field("Version"), sha256: field("SHA256") };
}

async function unpackInto(folder: string, wanted: Package): Promise<void> {
  console.error(`Downloading ${wanted.name} ${wanted.version} for the rig`);
  const unpacked = join(folder, "unpacked");
  await ensureDir(unpacked);
  await output("dpkg-deb", ["-x", await download(wanted, folder), unpacked]);
  const merged = join(unpacked, "usr/lib/modules"); // Debian 13's package
  const modules = await exists(merged) ? merged : join(unpacked, "lib/modules");
  for await (const { name } of Deno.readDir(modules)) {
    await keepModules(join(modules, name), join(folder, "lib/modules", name));
    await output("depmod", ["-b", folder, name]);
    await extractImage(join(unpacked, "boot", `vmlinuz-${name}`), join(folder, "image"));
  }
  await Deno.remove(unpacked, { recursive: true });
}

/** apt checks what it downloads; so do we, for the index is what we trust. */
async function download(wanted: Package, folder: string): Promise<string> {
  const args = ["download", "-q", `${wanted.name}=${wanted.version}`];
  await output("apt-get", args, { cwd: join(folder, "unpacked") });
  for await (const { name } of Deno.readDir(join(folder, "unpacked"))) {
    const path = join(folder, "unpacked", name);
    if (await sha256(await Deno.readFile(path)) !== wanted.sha256) {
      throw new Error(`"${name}" is not what apt's index says`);
    }
    return path;
  }
  throw new Error("apt-get download left no file");
}

async function keepModules(from: string, to: string): Promise<void> {
  await ensureDir(join(to, "kernel/drivers/net"));
  for (const name of moduleFolders) {
    const source = join(from, "kernel", name);
    if (await exists(source)) await Deno.rename(source, join(to, "kernel", name));
  }
  for (const name of ["modules.builtin", "modules.builtin.modinfo", "modules.order"]) {
    await Deno.rename(join(from, name), join(to, name));
  }
}

async function extractImage(bzImage: string, path: string): Promise<void> {
  const payload = kernelPayload(await Deno.readFile(bzImage));
  if (!isXz(payload)) return await Deno.copyFile(bzImage, path);
  await Deno.writeFile(`${path}.xz`, payload);
  await output("xz", ["--decompress", `${path}.xz`]);
}
