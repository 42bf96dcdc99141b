/** A tester's process, and the ways to it. */
import { Errno } from "../../../ffi/errno.ts";
import { closeDescriptor, setNonBlocking } from "../../../ffi/file.ts";
import { makePipe, openProcess, sendSignal, spawn, waitForChild } from "../../../ffi/process.ts";
import { SIGKILL } from "../../../ffi/signal.ts";
import type { Program } from "../../../src/host/program.ts";
import { STDERR } from "../../../src/host/standard.ts";
import { TESTER_ARGUMENT } from "./tester.ts";

/** Descriptors are ours to close. */
export interface TesterProcess {
  readonly pid: number;
  /** Readable when it has ended. */
  readonly pidFd: number;
  readonly input: number;
  /** Not blocking. */
  readonly output: number;
}

/** Starts a tester, whole or not at all: whoever has no descriptor left will try again and again. Throws Errno. */
export function startTester(program: Program): TesterProcess {
  const opened: number[] = [];
  const openPipe = (): { read: number; write: number } => {
    const ends = makePipe();
    opened.push(ends.read, ends.write);
    return ends;
  };
  try {
    const down = openPipe();
    const up = openPipe();
    setNonBlocking(up.read);
    const pid = spawn({
      path: program.path,
      argv: [program.calledAs, TESTER_ARGUMENT],
      environment: program.environment,
      descriptors: [[down.read, 0], [up.write, 1], [STDERR, STDERR]],
      newSession: false,
    });
    const pidFd = watchable(pid);
    closeDescriptor(down.read);
    closeDescriptor(up.write);
    return { pid, pidFd, input: down.write, output: up.read };
  } catch (error) {
    for (const fd of opened) closeDescriptor(fd);
    throw error;
  }
}

/** A descriptor of a child that was started just now, and ends at once without one. Throws Errno. */
function watchable(pid: number): number {
  const fd = openProcess(pid);
  if (fd >= 0) return fd;
  endTester(pid);
  throw new Errno(-fd, "pidfd_open");
}

/** Ends a tester that has been given nothing yet, and so hangs nowhere. */
export function endTester(pid: number): void {
  sendSignal(pid, SIGKILL);
  waitForChild(pid);
}
