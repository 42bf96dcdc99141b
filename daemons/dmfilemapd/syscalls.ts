/** System calls of dmfilemapd beyond those of every daemon. */
import type { SyscallGrant } from "../../src/host/manifest.ts";

export const SYSCALLS = [
  {
    names: ["inotify_add_watch", "inotify_init1", "inotify_rm_watch"],
    why: "Events of the file, of the folders on the way to it and of the use of device-mapper.",
  },
  {
    names: ["fstatfs"],
    why: "Which file system a file that replaces the followed one is on.",
  },
  { names: ["stat"], why: "Whether a device is one of device-mapper's." },
] as const satisfies readonly SyscallGrant[];
