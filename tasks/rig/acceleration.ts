/** Whether guests can have the processor's help. */
import { join } from "@std/path";
import { exists } from "../toolchain.ts";
import { cacheFolder } from "./cache.ts";
import type { Acceleration, Machine } from "./command.ts";
import { MachineProcess } from "./process.ts";

/** A machine under KVM that has not reached its first stage by then never will. */
const PROBE_LIMIT_MS = 15_000;

/**
 * /dev/kvm can be there and yet hang a stock kernel, as on a paravirtual host within another: so KVM only where the
 * processor says it can, and a machine has shown it.
 */
export async function chooseAcceleration(image: string, initramfs: string): Promise<Acceleration> {
  if (!promisesKvm(await Deno.readTextFile("/proc/cpuinfo")) || !await mayUseKvm()) return "tcg";
  const boot = (await Deno.readTextFile("/proc/sys/kernel/random/boot_id")).trim();
  const known = join(cacheFolder(), `kvm-${boot}`);
  if (await exists(known)) return await Deno.readTextFile(known) === "works" ? "kvm" : "tcg";
  const works = await probe(image, initramfs);
  await Deno.writeTextFile(known, works ? "works" : "does not work");
  return works ? "kvm" : "tcg";
}

/** Whether /proc/cpuinfo shows Intel's or AMD's virtualization. */
export function promisesKvm(cpuinfo: string): boolean {
  return /^flags\s*:.*\b(vmx|svm)\b/m.test(cpuinfo);
}

async function mayUseKvm(): Promise<boolean> {
  try {
    (await Deno.open("/dev/kvm", { read: true, write: true })).close();
    return true;
  } catch {
    return false;
  }
}

/** Whether a guest of KVM comes to its first stage, which turns it off again. */
async function probe(image: string, initramfs: string): Promise<boolean> {
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-kvm-" });
  const process = await MachineProcess.start(probeMachine(image, initramfs), folder);
  const timer = setTimeout(() => process.kill(), PROBE_LIMIT_MS);
  try {
    await process.ended;
    return (await Deno.readTextFile(join(folder, "console"))).includes("rig: probe");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  } finally {
    clearTimeout(timer);
    await Deno.remove(folder, { recursive: true });
  }
}

function probeMachine(image: string, initramfs: string): Machine {
  return {
    name: "probe",
    acceleration: "kvm",
    image,
    initramfs,
    kernelArguments: ["rig.probe"],
    cpus: 1,
    memoryMiB: 256,
    console: "console",
    share: undefined,
    disks: [],
    cables: [],
  };
}
