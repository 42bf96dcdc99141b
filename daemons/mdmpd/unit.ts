/** mdmpd as systemd services: the daemon, which may see and do little, and the helper that runs an administrator's event program. */
import type { HelperSpec, UnitSpec } from "../../src/host/manifest.ts";
import { EVENT_SOCKET } from "./places.ts";

const EVENTS = {
  name: "mdmpd-events",
  description: "Event program of the monitor of md multipath devices",
  path: EVENT_SOCKET,
  daemonArguments: `--event-socket=${EVENT_SOCKET}`,
  helperArguments: "@events",
  // Which program it runs is not for the daemon to say: who got hold of the daemon would have all that the program may.
  sharesArguments: true,
  // Paths are looked after all the same.
  optional: true,
  directives: [
    {
      directive: "KillMode=process",
      why: "What the program leaves running in the background stays.",
    },
  ],
} as const satisfies HelperSpec;

export const UNIT = {
  description: "Monitor of md multipath devices",
  documentation: ["man:mdmpd(8)"],
  after: [],
  before: [],
  helper: EVENTS,
  execReload: "/bin/kill -HUP $MAINPID",
  environmentFiles: ["/etc/default/mdmpd", "/etc/sysconfig/mdmpd"],
  argumentsVariable: "MDMPD_ARGS",
  oomScoreAdjust: -500,
  hardening: [
    {
      directive: "Restart=on-failure",
      why:
        "While it is away no path comes back, which nobody notices before the last one has gone.",
    },
    {
      directive: "RestartPreventExitStatus=64 75 78",
      why:
        "A command line, a configuration or another daemon in its place would stop the next one as well.",
    },
    {
      directive: "KillMode=process",
      why:
        "A child that hangs in the kernel over a dead disk cannot be killed, and must not delay the end; one that is putting a " +
        "path back sees it through. All others end with the daemon by themselves.",
    },
    { directive: "PrivateNetwork=yes", why: "All sockets are Unix sockets with a path." },
    { directive: "RestrictAddressFamilies=AF_UNIX", why: "The same for sockets made here." },
    {
      directive: "ProtectSystem=strict",
      why: "Nothing is written but the files of the next line, and what md has in /sys.",
    },
    { directive: "RuntimeDirectory=mdmpd", why: "Pid file, control socket, what is remembered." },
    {
      directive: "RuntimeDirectoryPreserve=yes",
      why: "A new daemon goes on where this one ended.",
    },
    {
      directive: "ProtectKernelTunables=no",
      why: "A path is put back by writing to its files in /sys, which this would make read-only.",
    },
    {
      directive: "ReadOnlyPaths=/proc/sys",
      why: "The rest of what ProtectKernelTunables would have protected.",
    },
    {
      directive: "PrivateDevices=no",
      why: "Disks are read where they are, and come and go while the daemon runs.",
    },
    {
      directive: "DevicePolicy=closed",
      why: "Character devices but /dev/null and its like cannot be opened.",
    },
    {
      directive: "DeviceAllow=block-* rw",
      why:
        "Disks are read and never written; but md opens a path for writing in the name of who puts it back (lock_rdev in drivers/md/md.c).",
    },
    {
      directive: "PrivateUsers=no",
      why: "md asks for CAP_SYS_ADMIN in the system's own user namespace.",
    },
    { directive: "UMask=0077", why: "Nothing made here is for other users." },
  ],
} as const satisfies UnitSpec;
