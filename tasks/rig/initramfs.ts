/** What the kernel starts with: busybox, the drivers that reach the host's root, and the first stage. */
import { basename, join } from "@std/path";
import { sha256 } from "../toolchain.ts";
import { cachedFolder, nameOf } from "./cache.ts";
import { cpioArchive, type Entry } from "./cpio.ts";
import type { Kernel } from "./kernel.ts";
import { findProgram, output } from "./requirements.ts";

/** What must work before modules can be loaded from the host's root. */
const drivers = ["virtio_pci", "virtio_blk", "virtio_net", "9p", "9pnet_virtio", "overlay"];

/** Path of the initramfs for a kernel, built unless the cache has it. */
export async function obtainInitramfs(kernel: Kernel): Promise<string> {
  const init = await Deno.readFile(new URL("guest/init.sh", import.meta.url));
  const busybox = await Deno.readFile(await findProgram("busybox") ?? "/bin/busybox");
  const parts = [kernel.release, ...drivers, await sha256(init), await sha256(busybox)];
  const folder = await cachedFolder(await nameOf("initramfs", parts), async (folder) => {
    const modules = await moduleEntries(await modulePaths(kernel));
    const entries = [{ path: "bin/busybox", content: busybox }, { path: "init", content: init }];
    const archive = cpioArchive([...entries, ...modules]);
    await Deno.writeFile(join(folder, "initramfs.cpio"), archive.stream());
  });
  return join(folder, "initramfs.cpio");
}

async function modulePaths(kernel: Kernel): Promise<string[]> {
  const base = kernel.modules.replace(/\/lib\/modules\/[^/]+$/, "");
  const listings: string[] = [];
  for (const name of drivers) {
    const args = ["--dirname", base, "--set-version", kernel.release, "--show-depends", name];
    listings.push(await output("modprobe", args));
  }
  return inLoadingOrder(listings);
}

/** Paths from several listings of `modprobe --show-depends` ("insmod PATH [OPTIONS]"), each once and after what it needs. */
export function inLoadingOrder(listings: readonly string[]): string[] {
  const paths = listings.flatMap((listing) =>
    [...listing.matchAll(/^insmod (\S+)/gm)].map(([, path]) => path)
  );
  return [...new Set(paths)];
}

/** The first stage loads them in the order of their names. */
async function moduleEntries(paths: readonly string[]): Promise<Entry[]> {
  return await Promise.all(paths.map(async (path, index) => ({
    path: `modules/${String(index).padStart(2, "0")}-${basename(path)}`,
    content: await Deno.readFile(path),
  })));
}
