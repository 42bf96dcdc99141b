/** What every machine starts from. */
import { chooseAcceleration } from "./acceleration.ts";
import type { Acceleration } from "./command.ts";
import { obtainInitramfs } from "./initramfs.ts";
import { obtainKernel } from "./kernel.ts";

export interface Boot {
  readonly release: string;
  readonly image: string;
  readonly modules: string;
  readonly initramfs: string;
  readonly acceleration: Acceleration;
}

let known: Promise<Boot> | undefined;

/**
 * Kernel and initramfs from the cache, checked once by each process, or made now. Throws when there is no kernel to be had.
 */
export function obtainBoot(): Promise<Boot> {
  return known ??= findBoot();
}

async function findBoot(): Promise<Boot> {
  const kernel = await obtainKernel();
  const initramfs = await obtainInitramfs(kernel);
  const acceleration = await chooseAcceleration(kernel.image, initramfs);
  return { ...kernel, initramfs, acceleration };
}
