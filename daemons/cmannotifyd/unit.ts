/**
 * cmannotifyd as systemd services: the daemon, which may next to nothing, and the runner of its scripts, which may what scripts of an
 * administrator may expect to.
 */
import type { HelperSpec, UnitSpec } from "../../src/host/manifest.ts";
import { RUNNER_SOCKET, SCRIPT_DIRECTORY, SUBSTITUTES } from "./places.ts";

const RUNNER = {
  name: "cmannotifyd-scripts",
  description: "Scripts of the cluster notification daemon",
  path: RUNNER_SOCKET,
  daemonArguments: `--runner-socket=${RUNNER_SOCKET}`,
  helperArguments: "@runner",
  directives: [
    {
      directive: "KillMode=process",
      why: "What scripts leave running in the background stays, as it did with the original.",
    },
    {
      directive: "SendSIGKILL=no",
      why:
        "The scripts of the notification at hand are seen through. One that takes longer than the service manager waits is left alone.",
    },
  ],
} as const satisfies HelperSpec;

export const UNIT = {
  description: "Cluster notification daemon",
  documentation: ["man:cmannotifyd(8)"],
  after: [],
  // It waits for corosync, and, ended behind it, is told of its shutdown when the machine goes down.
  before: ["corosync.service"],
  conditions: [
    {
      directive: `ConditionDirectoryNotEmpty=|${SCRIPT_DIRECTORY}`,
      why:
        "As the original's start script did by default: without scripts there is nothing to notify. One of these is enough.",
    },
    ...SUBSTITUTES.map((path) => ({
      directive: `ConditionPathExists=|${path}`,
      why: "It is run in the place of them.",
    })),
  ],
  helper: RUNNER,
  execReload: "/bin/kill -HUP $MAINPID",
  environmentFiles: ["/etc/default/cmannotifyd", "/etc/sysconfig/cmannotifyd"],
  argumentsVariable: "CMANNOTIFYD_ARGS",
  hardening: [
    {
      directive: "Restart=on-failure",
      why: "It ends when its runner is killed; a new one tells scripts how things are.",
    },
    {
      directive: "PrivateNetwork=no",
      why:
        "Corosync's sockets have abstract names, which belong to the network namespace that corosync is in.",
    },
    {
      directive: "RestrictAddressFamilies=AF_UNIX",
      why: "Nothing is said to any other network all the same.",
    },
    { directive: "ProtectSystem=strict", why: "Nothing is written but what follows." },
    { directive: "LogsDirectory=cluster", why: "The daemon's log." },
    { directive: "ReadWritePaths=/run", why: "Pid file and control socket." },
    {
      directive: "PrivateDevices=yes",
      why: "No device concerns it. /dev/shm, where libqb's rings are, stays the system's own.",
    },
    {
      directive: "PrivateUsers=no",
      why: "Corosync takes the system's root, whom a user namespace would hide.",
    },
    { directive: "UMask=0022", why: "The pid file is for everybody to read, as the original's." },
  ],
} as const satisfies UnitSpec;
