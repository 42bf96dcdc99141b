/**
 * The event program, called as `mdadm --monitor` calls it: event, array, device.
 *
 * It is an administrator's own and may need anything, which this daemon gives up. So it is started by a helper process that was
 * started before: all that can be asked of the helper is to run that one program, with those words.
 */
import { EAGAIN, EINTR } from "../../../ffi/errno.ts";
import { closeDescriptor, readDescriptor, setNonBlocking, writeAll } from "../../../ffi/file.ts";
import { pollDescriptor, POLLIN } from "../../../ffi/poll.ts";
import { makePipe, openProcess, sendSignal, spawn, waitForChild } from "../../../ffi/process.ts";
import { SIGKILL } from "../../../ffi/signal.ts";
import type { Program } from "../../../src/host/program.ts";
import { STDERR, writeText } from "../../../src/host/standard.ts";
import type { EventName } from "../events.ts";
import { HOOK_TIMEOUT_MS } from "../limits.ts";

/** The hidden first argument that makes the program the helper; the second is the event program. */
export const HOOK_ARGUMENT = "@hook";

/** The daemon's end. */
export class Hook {
  readonly #pipe: number;
  #dropped = 0;

  /** Starts the helper. Throws Errno. */
  constructor(self: Program, eventProgram: string) {
    const { read, write } = makePipe();
    spawn({
      path: self.path,
      argv: [self.calledAs, HOOK_ARGUMENT, eventProgram],
      environment: self.environment,
      descriptors: [[read, 0]],
      newSession: true,
    });
    closeDescriptor(read);
    setNonBlocking(write);
    this.#pipe = write;
  }

  /** Events that found the pipe full. */
  get dropped(): number {
    return this.#dropped;
  }

  tell(event: EventName, array: string, device: string): void {
    try {
      const line = `${event}\t${array}\t${device}\n`;
      writeAll(this.#pipe, new TextEncoder().encode(line), "the event program's helper");
    } catch {
      this.#dropped++;
    }
  }
}

/** Runs the event program once, and waits for it; one that takes too long is killed. */
function runOnce(program: string, words: readonly string[], self: Program): void {
  try {
    const pid = spawn({
      path: program,
      argv: [program, ...words],
      environment: self.environment,
      descriptors: [],
      newSession: true,
    });
    const pidFd = openProcess(pid);
    if (pidFd >= 0 && pollDescriptor(pidFd, POLLIN, HOOK_TIMEOUT_MS) === 0) {
      writeText(STDERR, `mdmpd: ${program} was killed: it ran for ${HOOK_TIMEOUT_MS / 1000} s\n`);
      sendSignal(-pid, SIGKILL);
    }
    waitForChild(pid);
    if (pidFd >= 0) closeDescriptor(pidFd);
  } catch (error) {
    writeText(STDERR, `mdmpd: ${error instanceof Error ? error.message : error}\n`);
  }
}

/** The helper: runs the program for each line, one at a time, and ends with the daemon. */
export function runHookHelper(self: Program, eventProgram: string): void {
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const count = readDescriptor(0, buffer);
    if (count === -EINTR || count === -EAGAIN) continue;
    if (count <= 0) return;
    text += new TextDecoder().decode(buffer.subarray(0, count));
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const words = text.slice(0, end).split("\t").filter((word) => word !== "");
      text = text.slice(end + 1);
      runOnce(eventProgram, words, self);
    }
  }
}
