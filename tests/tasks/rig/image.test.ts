/** What a machine starts from: kernel image, modules, initramfs. */
import { assertEquals, assertThrows } from "@std/assert";
import { promisesKvm } from "../../../tasks/rig/acceleration.ts";
import { cpioArchive } from "../../../tasks/rig/cpio.ts";
import { inLoadingOrder } from "../../../tasks/rig/initramfs.ts";
import { parsePackage } from "../../../tasks/rig/kernel.ts";
import { isXz, kernelPayload } from "../../../tasks/rig/vmlinux.ts";
import { inFolder, testWith } from "../needs.ts";

/** A bzImage of three sectors of setup, whose payload begins 16 bytes into what follows. */
function bzImage(payload: readonly number[]): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(4096);
  const view = new DataView(file.buffer);
  file[0x1f1] = 2;
  view.setUint32(0x202, 0x53726448, true);
  view.setUint16(0x206, 0x020f, true);
  view.setUint32(0x248, 16, true);
  view.setUint32(0x24c, payload.length + 4, true);
  file.set(payload, 3 * 512 + 16);
  return file;
}

Deno.test("kernelPayload finds what a bzImage unpacks, without its length", () => {
  const xz = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1, 2];
  assertEquals([...kernelPayload(bzImage(xz))], xz);
  assertEquals([isXz(kernelPayload(bzImage(xz))), isXz(kernelPayload(bzImage([1, 2])))], [
    true,
    false,
  ]);
});

Deno.test("kernelPayload refuses what is no bzImage, or too old a one", () => {
  assertThrows(() => kernelPayload(new Uint8Array(16)), Error, "too short");
  assertThrows(() => kernelPayload(new Uint8Array(4096)), Error, "no HdrS");
  const old = bzImage([1]);
  new DataView(old.buffer).setUint16(0x206, 0x0207, true);
  assertThrows(() => kernelPayload(old), Error, "too old");
});

Deno.test("inLoadingOrder names a module once, after all that it needs", () => {
  const listings = [
    "insmod /m/virtio.ko \ninsmod /m/virtio_pci.ko \n",
    "builtin x\ninsmod /m/virtio.ko \ninsmod /m/9p.ko a=b\n",
  ];
  assertEquals(inLoadingOrder(listings), ["/m/virtio.ko", "/m/virtio_pci.ko", "/m/9p.ko"]);
});

Deno.test("parsePackage reads a paragraph of apt-cache show, and misses no field", () => {
  const text = "Package: linux-image-6.1.0-1-amd64\nVersion: 6.1.1-1\nSHA256: abc\nSize: 1\n";
  assertEquals(parsePackage(text), {
    name: "linux-image-6.1.0-1-amd64",
    version: "6.1.1-1",
    sha256: "abc",
  });
  assertThrows(() => parsePackage("Package: x\nVersion: 1\n"), Error, "SHA256");
});

Deno.test("promisesKvm believes only in the flags of the processor", () => {
  assertEquals(promisesKvm("flags\t\t: fpu vmx sse\n"), true);
  assertEquals(promisesKvm("flags\t\t: fpu svm\n"), true);
  assertEquals(promisesKvm("model name\t: vmx\nflags\t\t: fpu svm_lock xvmx\n"), false);
});

await testWith(["cpio"], "cpioArchive writes what cpio reads", async () => {
  await inFolder(async (folder) => {
    const entries = ["init", "bin/busybox", "bin/deep/x"].map((path) => ({
      path,
      content: new TextEncoder().encode(path.repeat(7)),
    }));
    await Deno.writeFile(`${folder}/archive`, cpioArchive(entries).stream());
    const script = "cpio --quiet -id < archive && stat -c '%n %a' init bin bin/deep/x";
    const { stdout } = await new Deno.Command("sh", { args: ["-c", script], cwd: folder }).output();
    assertEquals(new TextDecoder().decode(stdout), "init 755\nbin 755\nbin/deep/x 755\n");
    for (const { path } of entries) {
      assertEquals(await Deno.readTextFile(`${folder}/${path}`), path.repeat(7));
    }
  });
});
