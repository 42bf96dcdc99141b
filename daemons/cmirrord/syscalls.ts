/** System calls of cmirrord beyond those of every daemon. */
import type { SyscallGrant } from "../../src/host/manifest.ts";

export const SYSCALLS = [
  {
    names: ["io_destroy", "io_getevents", "io_setup", "io_submit"],
    why: "Logs are read and written past every cache, without waiting for a device.",
  },
  {
    names: ["fallocate"],
    why:
      "Room for the state that outlives the daemon, and for the rings that libqb shares with corosync.",
  },
  { names: ["getdents64"], why: "A log device is looked for below /dev/mapper." },
  {
    names: ["mlock2"],
    why: "The program stays in memory: mirrors wait for it, and swap may be on one.",
  },
  {
    names: ["kill(0)"],
    why: "libqb removes the rings of a corosync that is gone, and so has to know that it is.",
  },
] as const satisfies readonly SyscallGrant[];
