/** System calls of cmannotifyd beyond those of every daemon. The script runner is another process, and not under this list. */
import type { SyscallGrant } from "../../src/host/manifest.ts";

export const SYSCALLS = [
  {
    names: ["fallocate"],
    why: "libqb maps the rings that it shares with corosync.",
  },
  {
    names: ["kill(0)"],
    why: "libqb removes the rings of a corosync that is gone, and so has to know that it is.",
  },
  {
    names: ["sched_setscheduler"],
    why:
      "-r asks for it before this list is in force, but not before systemd's, which is made from it. There it is refused.",
  },
] as const satisfies readonly SyscallGrant[];
