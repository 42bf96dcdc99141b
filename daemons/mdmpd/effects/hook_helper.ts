/** The event program's helper: a process under none of the daemon's restrictions, which runs that one program and nothing else. */
import { EAGAIN, ECONNRESET, EINTR } from "../../../ffi/errno.ts";
import { closeDescriptor, readDescriptor, setCloseOnExec } from "../../../ffi/file.ts";
import { pollDescriptor, POLLIN } from "../../../ffi/poll.ts";
import { openProcess, sendSignal, spawn, waitForChild } from "../../../ffi/process.ts";
import { SIGKILL } from "../../../ffi/signal.ts";
import { sendBytes } from "../../../ffi/socket.ts";
import { EX_CONFIG, ExitError } from "../../../src/host/exit.ts";
import { releaseStartupCode } from "../../../src/host/footprint.ts";
import type { Program } from "../../../src/host/program.ts";
import { HOOK_MESSAGE_BYTES, HOOK_TIMEOUT_MS } from "../limits.ts";

/** The hidden first argument that makes the program the helper; the daemon's own may follow. */
export const HOOK_ARGUMENT = "@events";
/** Where it finds the socket. */
export const HOOK_DESCRIPTOR = 3;
/** Its answer to an event for which the program has run; any other says why it has not, or not to its end. */
export const HOOK_DONE = "done";

const FOR_EVER = -1;

/** What is the matter with a read that is to be repeated. Who leaves without having read our last answer resets the connection first. */
const AGAIN: readonly number[] = [-EINTR, -EAGAIN, -ECONNRESET];

/** Runs the program for each event, one at a time, until the daemon is gone and nothing of it is left. Throws ExitError without a program. */
export function runHookHelper(self: Program, eventProgram: string): void {
  if (eventProgram === "") {
    throw new ExitError(
      EX_CONFIG,
      "neither the arguments nor the configuration name an event program",
    );
  }
  setCloseOnExec(HOOK_DESCRIPTOR, true);
  releaseStartupCode();
  const buffer = new Uint8Array(HOOK_MESSAGE_BYTES);
  for (;;) {
    pollDescriptor(HOOK_DESCRIPTOR, POLLIN, FOR_EVER);
    const count = readDescriptor(HOOK_DESCRIPTOR, buffer);
    if (AGAIN.includes(count)) continue;
    if (count <= 0) return;
    const event = new TextDecoder().decode(buffer.subarray(0, count));
    answer(runOnce(eventProgram, event.split("\t").filter((word) => word !== ""), self));
  }
}

/** A daemon that is gone needs none. */
function answer(text: string): void {
  const bytes = new TextEncoder().encode(text).subarray(0, HOOK_MESSAGE_BYTES);
  sendBytes(HOOK_DESCRIPTOR, bytes, bytes.length);
}

/** Runs the program and waits for it; one that takes too long is killed. What became of it, as the answer to the event. */
function runOnce(program: string, words: readonly string[], self: Program): string {
  try {
    const pid = spawn({
      path: program,
      argv: [program, ...words],
      environment: self.environment,
      descriptors: [],
      newSession: true,
    });
    return waitAtMost(pid, HOOK_TIMEOUT_MS)
      ? HOOK_DONE
      : `${program} was killed: it ran for ${HOOK_TIMEOUT_MS / 1000} s`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Whether the process ended in time; else it is killed with all that it started. */
function waitAtMost(pid: number, timeoutMs: number): boolean {
  const pidFd = openProcess(pid);
  const isLate = pidFd >= 0 && pollDescriptor(pidFd, POLLIN, timeoutMs) === 0;
  if (isLate) sendSignal(-pid, SIGKILL);
  waitForChild(pid);
  if (pidFd >= 0) closeDescriptor(pidFd);
  return !isLate;
}
