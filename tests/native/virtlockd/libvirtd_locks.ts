/** The auditor: what the kernel's own list, /proc/locks (proc_locks(5)), says about one process. */
import { fileIdentity } from "./lab_locks.ts";

/** Paths that are locked, each by byte 0 and once. */
export type Held = Readonly<Record<string, "READ" | "WRITE">>;

/**
 * The POSIX locks of a process as `ACCESS MAJOR:MINOR:INODE FIRST-LAST`, sorted.
 * `source` is the /proc/locks of the pid namespace the pid belongs to. The kernel hands the list
 * out in pieces and others change it in between, so that an entry can show up twice or not at all:
 * only what two readings in a row agree upon counts.
 */
export async function auditLocks(source: string, pid: number): Promise<string[]> {
  let before = await readLocks(source, pid);
  for (;;) {
    const now = await readLocks(source, pid);
    if (now.join() === before.join()) return now;
    before = now;
  }
}

async function readLocks(source: string, pid: number): Promise<string[]> {
  const lines = (await Deno.readTextFile(source)).split("\n").map((line) => line.split(/\s+/));
  const own = lines.filter(([, type, , , owner]) => type === "POSIX" && owner === `${pid}`);
  return own.map(([, , , access, , file, from, to]) => `${access} ${file} ${from}-${to}`).sort();
}

/** What `auditLocks` must give for these; `outside` makes a path one of the test process. */
export async function expectedLocks(
  held: Held,
  outside: (path: string) => string,
): Promise<string[]> {
  const lines = Object.entries(held).map(async ([path, access]) => {
    return `${access} ${await fileIdentity(outside(path))} 0-0`;
  });
  return (await Promise.all(lines)).sort();
}
