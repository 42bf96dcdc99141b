/** What /proc/PID/stat says of a process: who belongs together, and which process it is. proc_pid_stat(5). Pure. */

export interface ProcessStat {
  /** Whether it can still do something: a zombie cannot. */
  readonly isAlive: boolean;
  readonly group: number;
  readonly session: number;
  /** When it started, in ticks since the boot: tells it from another that has its number later. */
  readonly startTicks: number;
}

/** Undefined for anything that is no such text. */
export function parseProcessStat(text: string): ProcessStat | undefined {
  // The second field is the program's name in brackets, which may have blanks and brackets itself.
  const fields = text.slice(text.lastIndexOf(")") + 1).trim().split(" ");
  const [state] = fields;
  const [group, session, startTicks] = [fields[2], fields[3], fields[19]].map(Number);
  if (![group, session, startTicks].every(Number.isSafeInteger)) return undefined;
  return { isAlive: !/^[ZXx]$/.test(state), group, session, startTicks };
}

/** One process for all time: its number, and when it started. */
export interface ProcessMark {
  readonly pid: number;
  readonly startTicks: number;
}

export function formatMark({ pid, startTicks }: ProcessMark): string {
  return `${pid} ${startTicks}\n`;
}

/** What was written by formatMark(), or undefined. */
export function parseMark(text: string): ProcessMark | undefined {
  const [, pid, startTicks] = /^(\d{1,10}) (\d{1,15})\n$/.exec(text) ?? [];
  return pid === undefined ? undefined : { pid: Number(pid), startTicks: Number(startTicks) };
}
