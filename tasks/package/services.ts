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

/**
 * A condition of a shell script: a daemon that is stopped if it has nothing to do has nothing to do. One that gives no answer may be
 * the original, or wait for a disk; only a service that does not run needs none.
 */
export function isUnused(daemon: string): string {
  const idle = `systemctl is-active ${daemon}.service 2>/dev/null | grep -qE '^(inactive|failed)$'`;
  return `${idle} || ${daemon} status 2>/dev/null | grep -q '^Mirrors: 0$'`;
}

/** Shell commands that tell an administrator why such a daemon was not stopped, and what is left to do. */
export function keptNotice(daemon: string): string[] {
  return [
    `echo "${daemon}: it goes on, since it has mirrors or does not say that it has none."`,
    'echo "  Once \\"dmsetup table --target mirror\\" has no line with \\"userspace\\":"',
    `echo "  systemctl stop ${daemon}"`,
    'echo "  Until then, nothing starts it anew: should it end, install the package again."',
  ];
}
