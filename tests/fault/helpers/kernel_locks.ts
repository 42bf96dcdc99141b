/** Locks as the kernel has them, whoever holds them: also those that a daemon would have left behind. */
import type { Lab } from "../../native/virtlockd/lab.ts";
import { WORK_DIRECTORY } from "../../native/virtlockd/lab.ts";
import { fileIdentity } from "../../native/virtlockd/lab_locks.ts";

export interface KernelLock {
  readonly pid: number;
  /** READ or WRITE */
  readonly access: string;
  /** `MAJOR:MINOR:INODE` as /proc/locks writes it. */
  readonly identity: string;
}

/** The kernel prints /proc/locks in pieces, between which entries may move; several readings miss none. */
const READINGS = 3;

/** Every lock on a file below the lab's /srv, which is a file system of its own (proc_locks(5)). */
export async function kernelLocks(lab: Lab): Promise<KernelLock[]> {
  const device = (await fileIdentity(lab.outside(WORK_DIRECTORY)))?.replace(/:\d+$/, ":");
  const found = new Map<string, KernelLock>();
  for (let reading = 0; reading < READINGS; reading++) {
    for (const line of (await Deno.readTextFile("/proc/locks")).trimEnd().split("\n")) {
      const [, type, , access, pid, identity] = line.replace(" -> ", " ").split(/\s+/);
      if (device === undefined || !identity?.startsWith(device)) continue;
      found.set(`${type} ${access} ${pid} ${identity}`, { pid: Number(pid), access, identity });
    }
  }
  return [...found.values()];
}
