/** The daemon's side of the script runner: starts it, and passes on what it says. */
import { closeDescriptor } from "../../../ffi/file.ts";
import { spawn, yieldProcessor } from "../../../ffi/process.ts";
import { seqpacketPair } from "../../../ffi/socket.ts";
import type { Program } from "../../../src/host/program.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import {
  decodeUp,
  encodeMessage,
  encodeRun,
  type RunnerSettings,
  type RunRequest,
  type Up,
} from "../runner_protocol.ts";
import { Channel } from "./channel.ts";
import { RUNNER_ARGUMENT, RUNNER_DESCRIPTOR } from "./runner.ts";

export interface RunnerEvents {
  said(message: Up): void;
  /** It is gone, or talks nonsense: no script can be run any more. */
  failed(reason: string): void;
}

/** Starts a runner, which inherits what this process may do now; the socket that leads to it. Throws Errno. */
export function startRunner(program: Program): number {
  const [ours, theirs] = seqpacketPair();
  spawn({
    path: program.path,
    argv: [program.calledAs, RUNNER_ARGUMENT],
    environment: program.environment,
    descriptors: [[theirs, RUNNER_DESCRIPTOR]],
    newSession: false,
  });
  closeDescriptor(theirs);
  return ours;
}

export class RunnerClient {
  readonly #channel: Channel;

  /** `fd`: the socket that leads to the runner, which is ours from now on. */
  constructor(
    reactor: Reactor,
    fd: number,
    settings: RunnerSettings,
    private readonly events: RunnerEvents,
  ) {
    this.#channel = new Channel(reactor, fd, {
      message: (bytes) => this.#take(bytes),
      closed: () => events.failed("the script runner is gone"),
    });
    this.#channel.send(encodeMessage(settings));
  }

  run(request: Omit<RunRequest, "type">): void {
    const { bytes, hasInput } = encodeRun({ type: "run", ...request });
    if (!hasInput) {
      this.events.said({ type: "note", level: "warn", text: "JSON left out: it is too long" });
    }
    this.#channel.send(bytes);
    // A socket wakes its reader on the writer's processor (sock_def_readable of net/core/sock.c), where it waits for us to sleep.
    yieldProcessor();
  }

  /** It sees through what it is at, and ends. */
  close(): void {
    this.#channel.close();
  }

  #take(bytes: Uint8Array): void {
    const message = decodeUp(bytes);
    if (message === undefined) this.events.failed("the script runner makes no sense");
    else this.events.said(message);
  }
}
