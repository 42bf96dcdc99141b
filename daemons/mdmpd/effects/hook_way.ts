/** The two ways to the event program's helper. */
import { Errno, ESRCH } from "../../../ffi/errno.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { spawn } from "../../../ffi/process.ts";
import { connectSeqpacket, seqpacketPair } from "../../../ffi/socket.ts";
import type { Program } from "../../../src/host/program.ts";
import { HOOK_ARGUMENT, HOOK_DESCRIPTOR } from "./hook_helper.ts";

export interface HookWay {
  /** A socket that leads to the helper, non-blocking, a message for each event. Never waits. Throws Errno. */
  reach(): number;
  /** Whether reach() can succeed a second time. */
  readonly reopens: boolean;
  /** What an administrator does when it is closed. */
  readonly cure: string;
}

/** A service manager listens there, and starts a helper for each connection. */
export function helperAt(socket: string): HookWay {
  return {
    reach: () => connectSeqpacket(socket, false),
    reopens: true,
    cure: "see systemctl status mdmpd-events.socket, and the journal of mdmpd-events@*",
  };
}

/** A helper of our own, started once: later this process may not start what is to be free of its restrictions. */
export function ownHelper(self: Program, eventProgram: string): HookWay {
  let isStarted = false;
  return {
    reach: () => {
      if (isStarted) throw new Errno(ESRCH, "the helper");
      isStarted = true;
      return startHelper(self, eventProgram);
    },
    reopens: false,
    cure: "start mdmpd anew",
  };
}

/** It inherits what this process may do now. Throws Errno. */
function startHelper(self: Program, eventProgram: string): number {
  const [ours, theirs] = seqpacketPair();
  spawn({
    path: self.path,
    argv: [self.calledAs, HOOK_ARGUMENT, `--program=${eventProgram}`],
    environment: self.environment,
    descriptors: [[theirs, HOOK_DESCRIPTOR]],
    newSession: true,
  });
  closeDescriptor(theirs);
  return ours;
}
