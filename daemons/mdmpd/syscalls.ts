/** System calls of mdmpd beyond those of every daemon. The testers, which are children of the same program, live under the same list. */
import type { SyscallGrant } from "../../src/host/manifest.ts";

export const SYSCALLS = [
  {
    names: ["clone", "execve", "pidfd_open", "wait4"],
    why:
      "What touches a device is done in a child of the same program, which may hang in the kernel.",
  },
  { names: ["kill"], why: "A child that cannot be watched, for want of a descriptor, is ended." },
  {
    names: ["io_destroy", "io_getevents", "io_setup", "io_submit"],
    why:
      "Devices are read past every cache, all at once, and none is waited for longer than is set.",
  },
  { names: ["getdents64"], why: "Devices below a device, and those that may be a lost one." },
] as const satisfies readonly SyscallGrant[];
