/** What cmirrord is, takes and may do: the one list from which everything else about it is derived. */
import type { Manifest } from "../../src/host/manifest.ts";
import {
  CHECK_CONFIG,
  CONFIG,
  NO_SANDBOX,
  STATUS_EXIT_CODES,
} from "../../src/host/manifest_parts.ts";
import {
  CHECKPOINT_PATIENCE_MS,
  HELD_RECOVERY_MS,
  MAX_IDLE_REGIONS,
  MAX_MEMBERS,
  MAX_OUTBOX_MESSAGES,
  MAX_REGIONS,
  MAX_REQUEST_DATA_BYTES,
  MAX_WAITING_REQUESTS,
} from "./limits.ts";
import { CONFIG_FILE, CONTROL_SOCKET, PID_FILE, SEQUENCE_FILE, STATE_DIRECTORY } from "./places.ts";
import { SYSCALLS } from "./syscalls.ts";
import { UNIT } from "./unit.ts";

export const manifest = {
  name: "cmirrord",
  summary: "cluster mirror log daemon",
  description: [
    "Keeps the logs of device-mapper mirrors that several nodes of a cluster write to at the same time: which regions are in sync, " +
    "which may be dirty, and which node recovers what.",
    "Nodes reach each other by corosync; some of them may run the cmirrord of lvm2.",
  ],
  options: [
    { long: "foreground", short: "f", help: "Stay in the foreground, log to the terminal." },
    { long: "help", short: "h", help: "Show this help and exit." },
    { long: "version", help: "Show the version and exit.", extension: true },
    { ...CONFIG, extension: true },
    { ...CHECK_CONFIG, extension: true },
    { ...NO_SANDBOX, extension: true },
  ],
  commands: [
    {
      name: "status",
      help: "Show the mirrors of the running daemon, what is in sync, who recovers what.",
      options: [{ long: "json", help: "As JSON." }],
    },
    {
      name: "table",
      help: "Print the device-mapper table of a mirror of the legs that are given.",
      options: [
        {
          long: "uuid",
          argument: "uuid",
          help: "The mirror's name in the cluster, on every node.",
        },
        { long: "log", argument: "device", help: "Keep the log on this device, too." },
        { long: "region", argument: "sectors", help: "Size of a region, 1024 by default." },
        {
          long: "length",
          argument: "sectors",
          help: "Length of the mirror; by default, of its shortest leg.",
        },
        { long: "nosync", help: "The legs are the same already." },
        { long: "sync", help: "The legs are recovered first." },
        { long: "no-handle-errors", help: "Writes go on when one of them cannot be logged." },
        {
          long: "no-integrated-flush",
          help: "Marks are sent apart from flushes: for a node that runs the daemon of lvm2.",
        },
      ],
    },
  ],
  configKeys: [
    {
      name: "quorum",
      type: "uint",
      default: "1",
      help:
        "1: where corosync has quorum, mirrors stand still on nodes without it. 0: they go on, and parts of a parted cluster are merged.",
    },
    {
      name: "log_level",
      type: "uint",
      default: "2",
      help: "The lowest priority that is logged: 1 debug, 2 info, 3 warning, 4 error.",
    },
  ],
  environment: [
    {
      name: "NOTIFY_SOCKET",
      help: "Where READY=1 is sent; with it, the daemon stays in the foreground.",
    },
    {
      name: "JOURNAL_STREAM",
      help: "Set by systemd: where standard error leads to the journal, messages go there.",
    },
  ],
  exitCodes: [
    { code: 0, meaning: "Ended by a signal while there was no mirror, or done." },
    { code: 1, meaning: "An error, or the daemon could not be started in the background." },
    {
      code: 2,
      meaning:
        "The command line is wrong, or another daemon has the lock file, or it cannot be made.",
    },
    { code: 3, meaning: "No socket to the kernel." },
    { code: 4, meaning: "The socket cannot hear the kernel: no CAP_NET_ADMIN." },
    { code: 5, meaning: "The socket cannot join the kernel's group." },
    ...STATUS_EXIT_CODES,
  ],
  signals: [
    {
      name: "SIGTERM, SIGINT, SIGQUIT, SIGHUP",
      help: "Ends the daemon, unless there are mirrors: then it says so and goes on.",
    },
    { name: "SIGUSR1, SIGUSR2", help: "Writes the state of all mirrors to the log." },
  ],
  files: [
    { path: PID_FILE, purpose: "Lock file with the process number; LVM looks for its lock" },
    { path: CONFIG_FILE, purpose: "Configuration file" },
    { path: CONTROL_SOCKET, purpose: "Socket for cmirrord status" },
    {
      path: STATE_DIRECTORY,
      purpose: "The state of each mirror, for the daemon that comes after a kill",
    },
    { path: SEQUENCE_FILE, purpose: "The number of the last request, for the same" },
  ],
  sockets: [],
  limits: [
    {
      name: "regions of a mirror",
      value: MAX_REGIONS,
      unit: "regions",
      reached: "The table is refused: take larger regions.",
    },
    {
      name: "data of a request",
      value: MAX_REQUEST_DATA_BYTES,
      unit: "bytes",
      reached: "The kernel's connector carries no more.",
    },
    {
      name: "members of a group",
      value: MAX_MEMBERS,
      unit: "nodes",
      reached: "Corosync takes no more.",
    },
    {
      name: "messages that corosync is yet to take",
      value: MAX_OUTBOX_MESSAGES,
      unit: "messages of a mirror",
      reached: "No more requests are read from the kernel.",
    },
    {
      name: "requests that wait for a group",
      value: MAX_WAITING_REQUESTS,
      unit: "requests of a mirror",
      reached: "No more requests are read from the kernel.",
    },
    {
      name: "regions whose clearing is put off",
      value: MAX_IDLE_REGIONS,
      unit: "regions of a mirror",
      reached: "The oldest are cleared at once.",
    },
    {
      name: "time that a joiner waits for the others' state",
      value: CHECKPOINT_PATIENCE_MS,
      unit: "ms",
      reached: "It leaves and joins anew.",
    },
    {
      name: "time that a region stays with the node that recovered it when its daemon died",
      value: HELD_RECOVERY_MS,
      unit: "ms",
      reached: "Another node recovers it.",
    },
  ],
  unit: UNIT,
  libraries: ["libc.so.6", "libcorosync_common.so.4", "libcpg.so.4", "libquorum.so.5"],
  ffiUnscoped:
    "Corosync's libraries call back, and Deno makes callbacks only under an unlimited permission.",
  // One compiler, whose stalls are short, and are over when the first thousands of requests are: DESIGN.md, Figures.
  v8Flags: ["--max-semi-space-size=1", "--no-opt"],
  paths: [
    { path: "/proc", rights: ["read"], why: "The program's own memory map." },
    { path: "/sys", rights: ["read"], why: "Names and sizes of log devices." },
    { path: "/dev", rights: ["read", "write"], why: "Log devices, which come with a table." },
    {
      path: "/dev/shm",
      rights: ["read", "write", "create", "remove"],
      why:
        "libqb's rings, which corosync makes for each connection, and which are left to us if it dies.",
    },
    {
      path: "$run",
      rights: ["read", "write", "create", "socket"],
      why: "The mirrors' state, the control socket.",
    },
  ],
  capabilities: [
    {
      name: "CAP_SYS_ADMIN",
      why: "dm-log-userspace takes answers from nobody else (cn_ulog_callback).",
    },
    { name: "CAP_NET_ADMIN", why: "Hearing the kernel's connector, at the start." },
    { name: "CAP_IPC_LOCK", why: "The program stays in memory." },
  ],
  syscalls: SYSCALLS,
  otherSyscalls: "kill",
} as const satisfies Manifest;
