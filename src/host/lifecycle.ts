/**
 * Becoming a daemon, and telling whoever waits how that went.
 *
 * A runtime like ours cannot fork(2). So the process that was started spawns the same program once more, in a session of its
 * own, and waits on a pipe: the child writes what goes wrong, then one byte, 0 when it serves. The parent passes the text on to
 * its own standard error and exits accordingly.
 */
import { EINTR } from "../../ffi/errno.ts";
import {
  closeDescriptor,
  O_CLOEXEC,
  O_RDWR,
  openFile,
  readDescriptor,
  setCloseOnExec,
  writeAll,
} from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";
import { changeDirectory, makePipe, spawn } from "../../ffi/process.ts";
import type { Program } from "./program.ts";

/** Tells the child which descriptor leads to its parent. */
const READY_VARIABLE = "HOSTKEEP_READY_FD";
/** Where the child finds it: the first behind the standard three that is not for something else. */
const READY_LOWEST = 3;

/** How a start in the background ended. */
export interface StartResult {
  readonly pid: number;
  /** The child's last byte: 0 when it serves, else its reason; undefined when it died without a word. */
  readonly status: number | undefined;
  /** What it said before. */
  readonly text: string;
}

export interface BackgroundOptions {
  /** The child keeps our standard input, output and error instead of getting /dev/null. */
  readonly keepStandard?: boolean;
  /** Descriptors that execve leaves open and the child is to find under their numbers. */
  readonly inherited?: readonly number[];
}

/** Starts this program again in the background and waits until it serves or fails. Throws Errno. */
export function startInBackground(program: Program, options: BackgroundOptions = {}): StartResult {
  const { keepStandard = false, inherited = [] } = options;
  const pipe = makePipe();
  let ready = READY_LOWEST;
  while (inherited.includes(ready)) ready++;
  const devNull = openFile(cString("/dev/null"), O_RDWR | O_CLOEXEC, 0);
  const environment = new Map(program.environment);
  environment.set(READY_VARIABLE, String(ready));
  const standard = keepStandard ? [] : [0, 1, 2].map((fd): [number, number] => [devNull, fd]);
  const pid = spawn({
    path: program.path,
    argv: [program.calledAs, ...program.args],
    environment,
    descriptors: [...standard, [pipe.write, ready]],
    newSession: true,
  });
  closeDescriptor(pipe.write);
  return { pid, ...splitResult(readAll(pipe.read)) };
}

function readAll(fd: number): Uint8Array {
  const buffer = new Uint8Array(65_536);
  let length = 0;
  while (length < buffer.length) {
    const count = readDescriptor(fd, buffer.subarray(length));
    if (count === -EINTR) continue;
    if (count <= 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

/** The last byte is the status if it is a control character; text never ends in one but a newline (10). */
function splitResult(bytes: Uint8Array): Omit<StartResult, "pid"> {
  const last = bytes.at(-1);
  const hasStatus = last !== undefined && last < 10;
  const text = new TextDecoder().decode(hasStatus ? bytes.subarray(0, -1) : bytes);
  return { status: hasStatus ? last : undefined, text };
}

/** The child's end of the handshake; without a waiting parent, nothing happens. */
export class ReadyHandshake {
  #fd: number | undefined;

  constructor(environment: Map<string, string>) {
    const fd = environment.get(READY_VARIABLE);
    if (fd === undefined) return;
    environment.delete(READY_VARIABLE);
    this.#fd = Number(fd);
    setCloseOnExec(this.#fd, true);
  }

  /** The descriptor that leads to the starter, or undefined. */
  get fd(): number | undefined {
    return this.#fd;
  }

  /** Whether this process was started in the background by its parent. */
  get isChild(): boolean {
    return this.#fd !== undefined;
  }

  /** Leaves the starter's directory, so that it can be unmounted; relative paths of the command line are read before. */
  leaveDirectory(): void {
    if (this.isChild) changeDirectory("/");
  }

  /** Passes a line to whoever started us. */
  say(text: string): void {
    this.#write(new TextEncoder().encode(`${text}\n`));
  }

  /** Ends the wait: 0 when we serve, else a reason from 1 to 9. */
  finish(status: number): void {
    this.#write(new Uint8Array([status]));
    if (this.#fd !== undefined) closeDescriptor(this.#fd);
    this.#fd = undefined;
  }

  #write(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#fd === undefined) return;
    try {
      writeAll(this.#fd, bytes, "the starting process");
    } catch {
      // Nobody waits any more: the daemon goes on without telling.
      this.#fd = undefined;
    }
  }
}
