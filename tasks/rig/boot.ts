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

/** Kernel and initramfs from the cache, checked, or made now. Throws when there is no kernel to be had. */
export async function obtainBoot(): Promise<Boot> {
  const kernel = await obtainKernel();
  const initramfs = await obtainInitramfs(kernel);
  return {
    ...kernel,
    initramfs,
    acceleration: await chooseAcceleration(kernel.image, initramfs),
  };
}
