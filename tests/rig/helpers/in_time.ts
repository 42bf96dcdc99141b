/** Waiting for what programs in a guest bring about. */
import { uptime } from "../../../tasks/rig/guest/guest.ts";

/** What anything may take that takes no time: processors are emulated, and others are beside us. */
export const SLOWNESS_S = 60;
const LOOK_MS = 200;

/** As eventually(), for conditions that take time themselves: asked for more often, they would slow down what they wait for. */
export async function inTime(seconds: number, condition: () => boolean): Promise<boolean> {
  const end = uptime() + seconds;
  while (!condition()) {
    if (uptime() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}
