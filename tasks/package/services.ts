/** What becomes of a running daemon when its package is upgraded or removed, and why. */

/**
 * "restart" and "stop" are what an administrator expects. "reload": the running daemon becomes the new one. "keep": it goes
 * on as the program that it was started from. "unless used": it is stopped if it has nothing to do.
 */
export interface Handling {
  readonly upgrade: "restart" | "reload" | "keep";
  readonly removal: "stop" | "keep" | "unless used";
}

const USUAL: Handling = { upgrade: "restart", removal: "stop" };

const SPECIAL: Readonly<Record<string, Handling>> = {
  // Its end is the end of every guest that holds a lock.
  virtlockd: { upgrade: "reload", removal: "keep" },
  // While there are mirrors it refuses SIGTERM, so that the service manager would wait and then kill it.
  cmirrord: { upgrade: "keep", removal: "unless used" },
};

/** How a daemon's package treats the daemon. */
export function handlingOf(daemon: string): Handling {
  return SPECIAL[daemon] ?? USUAL;
}
