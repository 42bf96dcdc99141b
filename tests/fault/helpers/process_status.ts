/** What /proc says of a process. */

/** One line of /proc/PID/status, without its name (proc_pid_status(5)). Throws an Error if there is none. */
export async function statusField(pid: number, name: string): Promise<string> {
  const text = await Deno.readTextFile(`/proc/${pid}/status`);
  const value = new RegExp(`^${name}:\\s*(.*)$`, "m").exec(text)?.[1];
  if (value === undefined) throw new Error(`/proc/${pid}/status has no ${name}`);
  return value;
}

/** Memory in use, in MB of 10^6 bytes. */
export async function residentMegabytes(pid: number): Promise<number> {
  return parseInt(await statusField(pid, "VmRSS")) * 1024 / 1e6;
}

/** Processor time used, in clock ticks of 10 ms: utime and stime (proc_pid_stat(5)). */
export async function cpuTicks(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

/** Whether a process can do nothing any more, waited for or not. */
export async function isDead(pid: number): Promise<boolean> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => ") X");
  return /^ [ZX]/.test(stat.slice(stat.lastIndexOf(")") + 1));
}

/** Longer than after a start the daemon gives back the memory that only the start needed. */
const QUIET_MS = 200;

/** Waits until a process has had nothing to do for a while, and so makes no system call but those it is asked for. */
export async function settled(pid: number): Promise<void> {
  let [before, now] = ["", await statusField(pid, "voluntary_ctxt_switches")];
  while (before !== now) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
    [before, now] = [now, await statusField(pid, "voluntary_ctxt_switches")];
  }
}

/** The descriptors that are open. */
export async function openDescriptors(pid: number): Promise<number> {
  return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
}

/** RLIMIT_NOFILE of this process, which the processes it starts inherit: soft and hard limit. */
export async function fileLimit(): Promise<{ soft: number; hard: number }> {
  const text = await Deno.readTextFile("/proc/self/limits");
  const [soft, hard] = /^Max open files\s+(\d+)\s+(\d+)/m.exec(text)?.slice(1).map(Number) ?? [];
  return { soft, hard };
}
