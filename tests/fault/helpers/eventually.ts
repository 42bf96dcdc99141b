/** Waiting for what comes soon, but not at once. */
import { pause } from "../../native/virtlockd/lab_daemon.ts";

const DEADLINE_MS = 60_000;
const POLL_MS = 10;

/** Polls every few milliseconds; throws an Error naming `what` after a minute. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!await holds()) {
    if (performance.now() > deadline) throw new Error(`waited too long for ${what}`);
    await pause(POLL_MS);
  }
}
