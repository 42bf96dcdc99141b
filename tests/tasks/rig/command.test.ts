import { assertEquals, assertThrows } from "@std/assert";
import { type Machine, qemuArguments } from "../../../tasks/rig/command.ts";
import { cablesOf } from "../../../tasks/rig/network.ts";

const machine: Machine = {
  name: "node1",
  acceleration: "tcg",
  image: "/cache/image",
  initramfs: "/cache/initramfs.cpio",
  kernelArguments: ["rig.node=1"],
  cpus: 2,
  memoryMiB: 768,
  console: "/run/console.log",
  share: "/run/share",
  disks: [{ name: "data", path: "/run/a,b" }],
  cables: cablesOf(1, 2),
};

/** The values of an option of QEMU's. */
function valuesOf(option: string, changes: Partial<Machine> = {}): string[] {
  const words = qemuArguments({ ...machine, ...changes });
  return words.filter((_, index) => words[index - 1] === option);
}

Deno.test("qemuArguments gives a machine under TCG all that QEMU does well, and one under KVM the host's processor", () => {
  assertEquals(valuesOf("-accel"), ["tcg,thread=multi"]);
  assertEquals(valuesOf("-cpu"), ["max,erms=off,smap=off"]);
  const kvm: Partial<Machine> = { acceleration: "kvm" };
  assertEquals([valuesOf("-accel", kvm), valuesOf("-cpu", kvm)], [["kvm"], ["host"]]);
});

Deno.test("qemuArguments shares the host's root for reading only, and the run's folder", () => {
  const [root, share] = valuesOf("-fsdev");
  assertEquals(root.includes("path=/,") && root.includes("readonly=on"), true, root);
  assertEquals(share, "local,id=rig-share,path=/run/share,security_model=none");
  assertEquals(valuesOf("-fsdev", { share: undefined }).length, 1);
});

Deno.test("qemuArguments doubles the commas of a path", () => {
  assertEquals(valuesOf("-drive")[0].startsWith("file=/run/a,,b,id=disk-data,"), true);
});

Deno.test("qemuArguments leaves the terminal to a machine without a file for its console", () => {
  assertEquals(valuesOf("-chardev"), ["file,id=console,path=/run/console.log"]);
  assertEquals(valuesOf("-chardev", { console: undefined }), ["stdio,id=console,signal=off"]);
});

Deno.test("qemuArguments refuses a kernel command line that the kernel would cut off", () => {
  assertEquals(valuesOf("-append")[0].endsWith(" rig.node=1"), true);
  const kernelArguments = ["x".repeat(2048)];
  assertThrows(() => qemuArguments({ ...machine, kernelArguments }), Error, "too long");
});

Deno.test("cablesOf joins each node to each other by two ends that name each other", () => {
  assertEquals(cablesOf(1, 1), []);
  for (const nodes of [2, 3]) {
    const ends = [1, 2, 3].slice(0, nodes).flatMap((node) =>
      cablesOf(node, nodes).map((cable) => ({ node, ...cable }))
    );
    assertEquals(ends.length, nodes * (nodes - 1));
    for (const { node, to, local, remote } of ends) {
      const other = ends.find((end) => end.node === to && end.to === node);
      assertEquals([other?.local, other?.remote], [remote, local]);
    }
    assertEquals(new Set(ends.map(({ mac }) => mac)).size, ends.length);
  }
});
