/** What /proc says of a daemon: its time, memory, descriptors and watches. */
import { readProc, sleep, status } from "./follower.ts";

/** Processor time so far, in ms: utime and stime, in ticks of 10 ms (proc_pid_stat(5)). */
export function cpuMs(pid: number): number {
  const stat = readProc(pid, "stat") ?? "";
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Whether there comes a second in which a process uses next to no processor time. */
export async function comesToRest(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 30; tries++) {
    const before = cpuMs(pid);
    await sleep(1);
    if (cpuMs(pid) - before <= 20) return true;
  }
  return false;
}

/** How often it has been switched away from: it cannot wake up without one. */
export function switches(pid: number): number {
  return Number(status(pid, "voluntary_ctxt_switches")) +
    Number(status(pid, "nonvoluntary_ctxt_switches"));
}

export function residentKib(pid: number): number {
  return parseInt(status(pid, "VmRSS"));
}

/**
 * How many descriptors and watches a daemon has when it does nothing: by path, it opens the file for each look, and does not watch
 * it meanwhile. So it is what is found twice, a moment apart.
 */
export async function possessions(pid: number): Promise<string> {
  let found = "";
  for (let tries = 0; tries < 60; tries++) {
    const { instances, watches } = inotifyWatches(pid);
    const last = found;
    found = `${openDescriptors(pid)} descriptors, ${instances} instances, ${watches} watches`;
    if (found === last) return found;
    await sleep(0.5);
  }
  throw new Error(`process ${pid} does not come to rest: ${found}`);
}

function openDescriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Watches of all its inotify instances (proc_pid_fdinfo(5)), and how many instances there are. */
function inotifyWatches(pid: number): { instances: number; watches: number } {
  const texts = [...Deno.readDirSync(`/proc/${pid}/fdinfo`)]
    .filter(({ name }) => linkOf(pid, name) === "anon_inode:inotify")
    .map(({ name }) => readProc(pid, `fdinfo/${name}`) ?? "");
  const watches = texts.map((text) => text.match(/^inotify /gm)?.length ?? 0);
  return { instances: texts.length, watches: watches.reduce((a, b) => a + b, 0) };
}

function linkOf(pid: number, fd: string): string {
  try {
    return Deno.readLinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return ""; // closed meanwhile
  }
}
