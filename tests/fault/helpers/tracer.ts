/** strace(1) on a running daemon: which system calls it makes, and something that happens at one of them. */
import { temporaryFolder } from "../../native/virtlockd/c_program.ts";

export const STRACE = "/usr/bin/strace";

/** One system call, as it is told apart from the others of its name since the tracer came. */
export interface CallPoint {
  readonly name: string;
  /** 1 for the first call of that name. */
  readonly occurrence: number;
  /** The line of strace. */
  readonly line: string;
}

/** What happens at one call, in strace's words, such as `signal=SIGKILL` or `error=EIO`. The kernel does not make the call. */
export interface Injection {
  readonly at: CallPoint;
  readonly what: string;
}

/** Calls that show what a daemon does; V8's memory management and the waiting for events come as they like. */
const TRACED = "trace=%file,%desc,%network,%signal,%process";
const UNTOLD = /^(epoll_wait|epoll_pwait2?|mmap|munmap|exit_group)$/;

let folder: Promise<string> | undefined;
let traces = 0;

export class Tracer {
  readonly #process: Deno.ChildProcess;
  readonly #output: string;

  private constructor(process: Deno.ChildProcess, output: string) {
    this.#process = process;
    this.#output = output;
  }

  /** Traces a process from now on. */
  static async attach(pid: number, injection?: Injection): Promise<Tracer> {
    const output = `${await (folder ??= temporaryFolder("hostkeep-strace-"))}/${++traces}`;
    const inject = injection === undefined
      ? []
      : ["-e", `inject=${injection.at.name}:${injection.what}:when=${injection.at.occurrence}`];
    const process = new Deno.Command(STRACE, {
      args: ["-o", output, "-e", TRACED, ...inject, "-p", String(pid)],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    await attached(process.stderr);
    return new Tracer(process, output);
  }

  /** Leaves the process alone again, if it still lives, and gives what it has called. */
  async detach(): Promise<CallPoint[]> {
    try {
      this.#process.kill("SIGINT");
    } catch (error) {
      // It ended with the process that it traced.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#process.status;
    return callPoints(await Deno.readTextFile(this.#output));
  }
}

/** Reads to the line that says so, and drops the rest. */
async function attached(stderr: ReadableStream<Uint8Array>): Promise<void> {
  let said = "";
  for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
    said += text;
    if (/ attached$/m.test(said)) return;
  }
  throw new Error(`strace does not attach: ${said}`);
}

function callPoints(output: string): CallPoint[] {
  const counts = new Map<string, number>();
  return output.split("\n").flatMap((line) => {
    const name = /^(\w+)\(/.exec(line)?.[1];
    if (name === undefined || UNTOLD.test(name)) return [];
    const occurrence = (counts.get(name) ?? 0) + 1;
    counts.set(name, occurrence);
    return [{ name, occurrence, line }];
  });
}
