/** Waiting for what programs in a guest bring about. */
import { sh, uptime } from "../../../tasks/rig/guest/guest.ts";

/** What anything may take that takes no time: processors are emulated, and others are beside us. */
export const SLOWNESS_S = 120;
const LOOK_MS = 200;

/** As eventually(), for conditions that take time themselves: asked for more often, they would slow down what they wait for. */
export async function inTime(
  seconds: number,
  condition: () => boolean | Promise<boolean>,
): Promise<boolean> {
  const end = uptime() + seconds;
  while (!await condition()) {
    if (uptime() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return true;
}

/** Waits for what has to come, sooner or later. Throws an Error naming `what` when it does not. */
export async function awaited(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  if (!await inTime(SLOWNESS_S, condition)) throw new Error(`waited too long for ${what}`);
}

/** Whether a command line of the shell succeeds, as it may not do at once. */
export function succeeds(command: string): boolean {
  return sh(`if { ${command}; } >/dev/null 2>&1; then echo yes; fi`) === "yes";
}
