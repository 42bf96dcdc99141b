/** Processes as /proc has them; and a script with all that it started, as long as that stays in its session. */
import { Errno } from "../../../ffi/errno.ts";
import { closeDescriptor, readWholeFile } from "../../../ffi/file.ts";
import { directoryEntries } from "../../../ffi/filesystem.ts";
import { openProcess, sendSignal, signalProcess } from "../../../ffi/process.ts";
import { parseProcessStat, type ProcessStat } from "../process_stat.ts";

/** A name of 15 bytes and some fifty numbers. */
const STAT_LIMIT_BYTES = 4_096;
/** What a session starts while it is told to end is looked for so often; of its first group, nothing escapes. */
const ROUNDS = 8;

const decoder = new TextDecoder();

/** Undefined where there is none, or /proc does not tell. */
export function processStat(pid: number): ProcessStat | undefined {
  try {
    return parseProcessStat(decoder.decode(readWholeFile(`/proc/${pid}/stat`, STAT_LIMIT_BYTES)));
  } catch (error) {
    if (error instanceof Errno) return undefined;
    throw error;
  }
}

/** Whether a process is of a session, and lives. */
function isOf(session: number, stat: ProcessStat | undefined): stat is ProcessStat {
  return stat !== undefined && stat.isAlive && stat.session === session;
}

/** Who there is; nobody where /proc cannot be read, be it that the whole system has no descriptor left (ENFILE). */
function processIds(): number[] {
  try {
    return directoryEntries("/proc").filter((name) => /^\d+$/.test(name)).map(Number);
  } catch (error) {
    if (error instanceof Errno) return [];
    throw error;
  }
}

/** Those of a session that live, with their groups. */
function living(session: number): { pid: number; group: number }[] {
  return processIds().flatMap((pid) => {
    const stat = processStat(pid);
    return isOf(session, stat) ? [{ pid, group: stat.group }] : [];
  });
}

/** How many of a session live. */
export function countLiving(session: number): number {
  return living(session).length;
}

/** One that has a group of its own, as timeout(1) makes for itself; never another that has its number by now. */
function signalMember(pid: number, session: number, signal: number): void {
  const pidfd = openProcess(pid);
  if (pidfd < 0) return;
  if (isOf(session, processStat(pid))) signalProcess(pidfd, signal);
  closeDescriptor(pidfd);
}

/**
 * Sends a signal to a child of ours that leads a session, and to all in the session. The child must not have been waited for: its
 * number, and that of its group, is nobody else's until then.
 */
export function signalSession(leader: number, signal: number): void {
  // kill(2): −1 are all processes, 0 is our own group.
  if (leader <= 1) return;
  sendSignal(-leader, signal);
  const told = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const others = living(leader).filter(({ pid, group }) => group !== leader && !told.has(pid));
    if (others.length === 0) return;
    for (const { pid } of others) {
      told.add(pid);
      signalMember(pid, leader, signal);
    }
  }
}
