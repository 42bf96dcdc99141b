/** The daemon's own KernelStats over a simulated kernel, with something happening before and after every message. */
import { KernelStats } from "../../../../daemons/dmfilemapd/effects/device.ts";
import type { DeviceMapper } from "../../../../ffi/devicemapper.ts";
import type { SimulatedKernel } from "./kernel.ts";

const DEVICE = 0xfd00;

export interface Hooks {
  readonly before: (text: string) => void;
  readonly after: (text: string) => void;
  /** The daemon waits; by default, for as long as an RCU grace period takes. */
  readonly sleep?: (ms: number) => void;
  /** Whether others have used device-mapper since the last call; by default they have not. */
  readonly takeUse?: () => boolean;
}

class Wire {
  answer = "";

  constructor(private readonly kernel: SimulatedKernel, private readonly hooks: Hooks) {}

  message(_device: number, text: string): number {
    this.hooks.before(text);
    const { code, text: answer } = this.kernel.message(text);
    this.answer = answer;
    this.hooks.after(text);
    return -code;
  }
}

export function deviceOver(kernel: SimulatedKernel, hooks: Hooks): KernelStats {
  const wire = new Wire(kernel, hooks) as unknown as DeviceMapper;
  const { takeUse = (): boolean => false, sleep = (): void => kernel.passGrace() } = hooks;
  return new KernelStats(wire, DEVICE, () => {}, takeUse, sleep);
}
