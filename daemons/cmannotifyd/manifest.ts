/** What cmannotifyd is, takes and may do: the one list from which everything else about it is derived. */
import type { Manifest } from "../../src/host/manifest.ts";
import {
  CHECK_CONFIG,
  CONFIG,
  NO_SANDBOX,
  STATUS_EXIT_CODES,
} from "../../src/host/manifest_parts.ts";
import {
  ANSWER_MS,
  DEFAULT_QUEUE_LIMIT,
  HISTORY_LENGTH,
  KILL_GRACE_MS,
  MESSAGE_MAX_BYTES,
  QUEUE_LIMIT_MOST,
  RETRY_LONGEST_MS,
  TIMEOUT_MOST_S,
} from "./limits.ts";
import {
  CONFIG_FILE,
  CONTROL_SOCKET,
  DAEMON_LOG,
  PID_FILE,
  SCRIPT_DIRECTORY,
  SCRIPT_LOG,
  SCRIPTS_LOCK,
} from "./places.ts";
import { SYSCALLS } from "./syscalls.ts";
import { UNIT } from "./unit.ts";

export const manifest = {
  name: "cmannotifyd",
  summary: "cluster notification daemon",
  description: [
    "Runs an administrator's scripts when something happens in a cluster of corosync: when a node joins or leaves or quorum changes, " +
    "when the configuration is read anew, and when corosync is to be shut down.",
    "It is the cmannotifyd of the cluster manager CMAN for corosync 3: scripts that were written for CMAN work unchanged.",
  ],
  options: [
    {
      long: "foreground",
      short: "f",
      help: "Stay in the foreground and log to standard error, too.",
    },
    {
      long: "debug",
      short: "d",
      help: "Log more, and keep what scripts print in their log.",
    },
    {
      long: "realtime",
      short: "r",
      help: "Run at the highest realtime priority. Scripts do not.",
    },
    { long: "help", short: "h", help: "Show this help and exit." },
    { long: "version", short: "V", help: "Show the version and exit." },
    { ...CONFIG, extension: true },
    {
      long: "pid-file",
      argument: "file",
      help: "Use this pid file; an empty name means none.",
      extension: true,
    },
    {
      long: "control-socket",
      argument: "file",
      help: "Use this socket for status.",
      extension: true,
    },
    {
      long: "runner-socket",
      argument: "file",
      help:
        "Have scripts run by the runner that listens there, as the systemd units do, instead of starting one.",
      extension: true,
    },
    { ...CHECK_CONFIG, extension: true },
    { ...NO_SANDBOX, extension: true },
  ],
  commands: [{
    name: "status",
    help: "Show the cluster, the queue and the last notifications of the running daemon.",
    options: [{ long: "json", help: "As JSON." }],
  }],
  configKeys: [
    { name: "debug", type: "uint", default: "0", help: "1 is as -d." },
    { name: "to_logfile", type: "uint", default: "1", help: "0: no log file." },
    {
      name: "to_syslog",
      type: "uint",
      default: "1",
      help: "0: nothing to the system log, which is the journal under systemd.",
    },
    { name: "logfile", type: "string", default: DAEMON_LOG, help: "The daemon's own log." },
    {
      name: "script_logfile",
      type: "string",
      default: SCRIPT_LOG,
      help: "Where each start and end of a script is noted, and with -d what it prints.",
    },
    {
      name: "script_directory",
      type: "string",
      default: SCRIPT_DIRECTORY,
      help: "Where the scripts are.",
    },
    {
      name: "event_directories",
      type: "uint",
      default: "0",
      help:
        "1: behind the scripts of the directory run those of its subdirectory try-shutdown.d, statechange.d or config-update.d.",
    },
    {
      name: "extra_variables",
      type: "uint",
      default: "0",
      help: "1: scripts are told more, such as who joined and left.",
    },
    {
      name: "json_on_stdin",
      type: "uint",
      default: "0",
      help: "1: a script can read all that is known from its standard input, as one line of JSON.",
    },
    {
      name: "script_timeout",
      type: "uint",
      default: "0",
      help:
        "A script that runs longer, in seconds, is ended with all that it started, unless that has left its session: by SIGTERM, and, " +
        "as far as that has not helped, five seconds later by SIGKILL; then the next script begins. " +
        "0: it may run for ever.",
    },
    {
      name: "start_notifications",
      type: "uint",
      default: "1",
      help:
        "CONFIG_UPDATE and STATECHANGE each time that corosync is reached. 0: only what happens, or has changed meanwhile.",
    },
    {
      name: "start_attempts",
      type: "uint",
      default: "0",
      help:
        "The daemon ends when corosync was not reached in so many attempts at the start; the original's were 6. 0: it never does.",
    },
    {
      name: "queue_limit",
      type: "uint",
      default: `${DEFAULT_QUEUE_LIMIT}`,
      help: "Notifications that may wait for their scripts before they are merged.",
    },
    {
      name: "protect_from_oom",
      type: "uint",
      default: "0",
      help: "1: the kernel spares the daemon, but not its scripts, when memory runs out.",
    },
  ],
  environment: [
    { name: "CMANNOTIFYD_DEBUG", help: "Set to anything, even to nothing: as -d." },
    {
      name: "NOTIFY_SOCKET",
      help: "Where READY=1 and STATUS= are sent; with it, the daemon stays in the foreground.",
    },
    {
      name: "JOURNAL_STREAM",
      help:
        "Set by systemd: where standard error leads to the journal, messages for the system log go there.",
    },
  ],
  exitCodes: [
    { code: 0, meaning: "Ended by SIGTERM, SIGINT or SIGQUIT." },
    {
      code: 1,
      meaning:
        "An option or the configuration is wrong, another daemon has the pid file, corosync's libraries are missing, corosync " +
        "was not reached in start_attempts attempts, or the script runner was killed.",
    },
    ...STATUS_EXIT_CODES,
  ],
  signals: [
    {
      name: "SIGTERM, SIGINT, SIGQUIT",
      help:
        "Ends the daemon at once. Scripts of the notification at hand are seen through, and those of a new daemon wait for them; " +
        "notifications that wait are not delivered.",
    },
    { name: "SIGHUP", help: "Begins the daemon's log file anew, for log rotation." },
  ],
  files: [
    { path: SCRIPT_DIRECTORY, purpose: "The scripts" },
    { path: CONFIG_FILE, purpose: "Configuration file" },
    { path: DAEMON_LOG, purpose: "Log of the daemon" },
    { path: SCRIPT_LOG, purpose: "Log of script runs" },
    { path: PID_FILE, purpose: "Pid file, locked as long as the daemon runs" },
    { path: CONTROL_SOCKET, purpose: "Socket for cmannotifyd status" },
    {
      path: SCRIPTS_LOCK,
      purpose:
        "Locked while scripts run, so that those of two runs of the daemon do not overlap; with --control-socket it is beside that socket",
    },
    {
      path: "/usr/sbin/cman_notify",
      purpose: "Run in the place of the built-in one where it exists, as is /sbin/cman_notify",
    },
  ],
  sockets: [],
  limits: [
    {
      name: "notifications that wait, unless queue_limit says otherwise",
      value: DEFAULT_QUEUE_LIMIT,
      unit: "notifications",
      reached:
        "A further one takes the place of the last of its kind, with what only that one could tell; this is logged.",
    },
    {
      name: "notifications that queue_limit can ask for",
      value: QUEUE_LIMIT_MOST,
      unit: "notifications",
      reached: "The configuration is refused.",
    },
    {
      name: "time that script_timeout can ask for",
      value: TIMEOUT_MOST_S,
      unit: "seconds",
      reached: "The configuration is refused.",
    },
    {
      name: "time between SIGTERM and SIGKILL for a script that ran too long",
      value: KILL_GRACE_MS,
      unit: "ms",
      reached: "SIGKILL is sent to it and all that it started.",
    },
    {
      name: "pause between attempts to reach corosync",
      value: RETRY_LONGEST_MS,
      unit: "ms",
      reached: "It grows no further.",
    },
    {
      name: "time that corosync may take to answer such an attempt",
      value: ANSWER_MS,
      unit: "ms",
      reached: "It counts as stopped, and is tried again.",
    },
    {
      name: "what a script is told",
      value: MESSAGE_MAX_BYTES,
      unit: "bytes",
      reached:
        "JSON is left out, which is logged. Variables of corosync's largest cluster take a fifth of it.",
    },
    {
      name: "notifications that status shows",
      value: HISTORY_LENGTH,
      unit: "notifications",
      reached: "Older ones are not shown.",
    },
  ],
  unit: UNIT,
  libraries: [
    "libc.so.6",
    "libcorosync_common.so.4",
    "libcfg.so.7",
    "libcmap.so.4",
    "libquorum.so.5",
  ],
  ffiUnscoped:
    "Corosync's libraries call back, and Deno makes callbacks only under an unlimited permission.",
  v8Flags: ["--max-semi-space-size=1"],
  paths: [
    { path: "/proc", rights: ["read"], why: "The program's own memory map." },
    {
      path: "/dev/shm",
      rights: ["read", "write", "remove"],
      why:
        "libqb's rings, which corosync makes for each connection, and which are left to us if it dies.",
    },
    { path: "/dev/null", rights: ["read"], why: "A descriptor in reserve." },
    { path: "$log", rights: ["read", "write", "create"], why: "SIGHUP begins the log file anew." },
  ],
  capabilities: [],
  syscalls: SYSCALLS,
  otherSyscalls: "kill",
} as const satisfies Manifest;
