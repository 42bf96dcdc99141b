/** cmirrord as a systemd service, and what that may see and do. */
import type { UnitSpec } from "../../src/host/manifest.ts";

export const UNIT = {
  description: "Cluster mirror log daemon",
  documentation: ["man:cmirrord(8)"],
  after: ["corosync.service"],
  before: [],
  environmentFiles: ["/etc/default/cmirrord", "/etc/sysconfig/cmirrord"],
  argumentsVariable: "CMIRRORD_ARGS",
  oomScoreAdjust: -1000,
  hardening: [
    {
      directive: "Restart=always",
      why: "While it is away mirrors wait; a new daemon goes on where this one was ended.",
    },
    { directive: "RestartSec=100ms", why: "The same." },
    {
      directive: "ExecStartPost=+-/bin/sh -c 'dmsetup status --target mirror >/dev/null 2>&1 &'",
      why:
        "A kernel that has nothing to ask introduces its mirrors to a new daemon when somebody asks for their status.",
    },
    {
      directive: "PrivateNetwork=no",
      why:
        "The kernel's connector, and corosync's sockets, belong to the network namespace that the system is in.",
    },
    {
      directive: "RestrictAddressFamilies=AF_UNIX AF_NETLINK",
      why: "Nothing is said to any other network all the same.",
    },
    { directive: "ProtectSystem=strict", why: "Nothing is written but what follows." },
    { directive: "ReadWritePaths=/run", why: "Pid file, control socket, the mirrors' state." },
    { directive: "RuntimeDirectory=cmirrord", why: "The same." },
    {
      directive: "RuntimeDirectoryPreserve=yes",
      why: "A new daemon goes on with the state that this one has left.",
    },
    {
      directive: "PrivateDevices=no",
      why: "Logs are on block devices that come and go while it runs.",
    },
    {
      directive: "DevicePolicy=closed",
      why: "Character devices but /dev/null and its like cannot be opened.",
    },
    { directive: "DeviceAllow=block-* rw", why: "Log devices." },
    {
      directive: "PrivateUsers=no",
      why: "The kernel takes answers from the system's own CAP_SYS_ADMIN only.",
    },
    { directive: "UMask=0022", why: "The pid file is for everybody to read, as the original's." },
  ],
} as const satisfies UnitSpec;
