/** What mdmpd is, takes and may do: the one list from which everything else about it is derived. */
import { CHECK_CONFIG, CONFIG, LOADERS, NO_SANDBOX } from "../../src/host/manifest_parts.ts";
import type { Manifest } from "../../src/host/manifest.ts";
import {
  ARRAYS_MAX,
  BATCH_PATHS,
  CHILDREN_MAX,
  DEFAULT_INTERVAL_S,
  DEFAULT_OPERATOR_HOLD_S,
  DEFAULT_PROBE_TIMEOUT_S,
  DEFAULT_STANDBY_INTERVAL_S,
  FLAP_HOLD_MAX_MS,
  HOOK_QUEUE_EVENTS,
  HOOK_TIMEOUT_MS,
  MDSTAT_LIMIT_BYTES,
  MEMBER_RETRIES,
  STATE_LIMIT_BYTES,
  STUCK_CHILDREN_MAX,
} from "./limits.ts";
import { HOLD_FOR_EVER } from "./setting_values.ts";
import { SYSCALLS } from "./syscalls.ts";
import { UNIT } from "./unit.ts";

export const manifest = {
  name: "mdmpd",
  summary: "daemon to monitor MD multipath devices",
  description: [
    "Tests the failed paths of md multipath devices and puts each back into service when it works again and is proven to lead " +
    "to the same disk.",
    "Without options it goes to the background and does so until it is told to end.",
  ],
  options: [
    { long: "help", short: "h", help: "Show this help and exit." },
    { long: "version", short: "V", help: "Show the version and exit." },
    {
      long: "foreground",
      short: "f",
      help: "Stay in the foreground; messages go to standard error.",
    },
    {
      long: "interval",
      short: "i",
      argument: "seconds",
      help: "Test a failed path every so many seconds, 15 by default.",
    },
    { long: "once", help: "Look at all arrays, test their failed paths, report and exit." },
    { long: "json", help: "Make the report of --once, or the status, JSON." },
    { long: "dry-run", short: "n", help: "Say what would be put back, and put nothing back." },
    {
      long: "personality",
      argument: "list",
      help:
        "Look after arrays of these personalities, separated by commas: multipath, raid1, raid10, raid4, raid5, raid6.",
    },
    {
      long: "check-standby",
      help: "Read paths that are not in use, too, and report one that is dead before it is needed.",
    },
    {
      long: "program",
      argument: "file",
      help: "Run this program for every event, with the event, the array and the device.",
    },
    {
      long: "event-socket",
      argument: "file",
      help:
        "Have that program run by the helper that listens there, as the systemd units do, instead of starting one.",
    },
    { ...CONFIG, short: "c" },
    {
      long: "pid-file",
      short: "p",
      argument: "file",
      help: "Use this pid file; an empty name means none.",
    },
    { long: "verbose", short: "v", help: "Log every test." },
    CHECK_CONFIG,
    NO_SANDBOX,
  ],
  commands: [{
    name: "status",
    help: "Show the arrays and paths of the running daemon; with --json as JSON.",
  }],
  configKeys: [
    {
      name: "interval",
      type: "uint",
      default: `${DEFAULT_INTERVAL_S}`,
      help:
        "How often a failed path is tested, in seconds. While no other path works: every 3 seconds.",
    },
    {
      name: "probe_timeout",
      type: "uint",
      default: `${DEFAULT_PROBE_TIMEOUT_S}`,
      help: "How long a path may take to answer, in seconds, before it counts as hanging.",
    },
    {
      name: "operator_hold",
      type: "uint",
      default: `${DEFAULT_OPERATOR_HOLD_S}`,
      help:
        "A path that never failed a test was most likely failed by hand, and stays out for so many seconds. " +
        `${HOLD_FOR_EVER} is for good, 0 is not at all. It does not apply while no other path works.`,
    },
    {
      name: "personality",
      type: "string",
      default: "multipath",
      help:
        "Which arrays are looked after: a list as for --personality. Members of others than multipath are put back only beside a " +
        "write-intent bitmap.",
    },
    {
      name: "check_standby",
      type: "uint",
      default: "0",
      help: "1 reads paths that are not in use, too.",
    },
    {
      name: "standby_interval",
      type: "uint",
      default: `${DEFAULT_STANDBY_INTERVAL_S}`,
      help: "How often, in seconds, paths that are not in use are read with check_standby.",
    },
    {
      name: "program",
      type: "string",
      default: "none",
      help:
        "A program that is run for every event, under none of the daemon's restrictions (mdmpd(8)); an absolute path.",
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
      help:
        "Where READY=1 is sent once all arrays are looked after; with it, the daemon stays in the foreground.",
    },
    {
      name: "JOURNAL_STREAM",
      help: "Set by systemd: where standard error leads to the journal, messages go there.",
    },
    {
      name: "XDG_CONFIG_HOME, XDG_RUNTIME_DIR",
      help: "Where a daemon that does not run as root has its files.",
    },
  ],
  exitCodes: [
    { code: 0, meaning: "Ended by SIGTERM, SIGINT or SIGQUIT, or done." },
    { code: 64, meaning: "The command line is wrong." },
    { code: 69, meaning: "status: no daemon answers." },
    { code: 70, meaning: "An error in the program, or status: the daemon cannot answer." },
    { code: 71, meaning: "The daemon could not be started in the background." },
    { code: 73, meaning: "The run directory or the pid file cannot be made." },
    { code: 74, meaning: "status: the connection broke." },
    {
      code: 75,
      meaning: "Another daemon runs already; status: the daemon is too busy.",
    },
    {
      code: 76,
      meaning: "status: the answer makes no sense, which another version may have given.",
    },
    { code: 77, meaning: "status: only root and the user that the daemon runs as may ask." },
    { code: 78, meaning: "The configuration is wrong." },
  ],
  signals: [
    {
      name: "SIGTERM, SIGINT, SIGQUIT",
      help:
        "Ends the daemon at once. A path that is being put back is seen through by the child that does it.",
    },
    {
      name: "SIGHUP",
      help:
        "Rereads the configuration: interval, operator_hold, personality and what concerns standby paths.",
    },
  ],
  files: [
    { path: "/proc/mdstat", purpose: "Where arrays are found, and where the kernel gives notice" },
    {
      path: "/etc/mdmpd.conf",
      session: "$XDG_CONFIG_HOME/mdmpd.conf",
      purpose: "Configuration file (unless overridden by -c)",
    },
    {
      path: "/run/mdmpd/mdmpd.pid",
      session: "$XDG_RUNTIME_DIR/mdmpd/mdmpd.pid",
      purpose: "Pid file (unless overridden by -p)",
    },
    {
      path: "/run/mdmpd/control",
      session: "$XDG_RUNTIME_DIR/mdmpd/control",
      purpose: "Socket for mdmpd status",
    },
    {
      path: "/run/mdmpd/state.json",
      session: "$XDG_RUNTIME_DIR/mdmpd/state.json",
      purpose: "What is remembered of paths from when they worked",
    },
  ],
  sockets: [],
  limits: [
    {
      name: "arrays",
      value: ARRAYS_MAX,
      unit: "arrays",
      reached: "Further ones are not looked after.",
    },
    {
      name: "text of /proc/mdstat",
      value: MDSTAT_LIMIT_BYTES,
      unit: "bytes",
      reached: "It is not understood; this is said, and tried again.",
    },
    {
      name: "paths that a child tests together",
      value: BATCH_PATHS,
      unit: "paths",
      reached: "Further ones go to another child.",
    },
    {
      name: "children at a time",
      value: CHILDREN_MAX,
      unit: "processes",
      reached: "Further tests wait. Children that hang in the kernel are not counted.",
    },
    {
      name: "children that hang in the kernel",
      value: STUCK_CHILDREN_MAX,
      unit: "processes",
      reached: "No further path is tested until one of them ends; this is said.",
    },
    {
      name: "time that a flapping path has to prove itself",
      value: FLAP_HOLD_MAX_MS,
      unit: "ms",
      reached: "It is not made to wait longer.",
    },
    {
      name: "returns of a member of an array with redundancy",
      value: MEMBER_RETRIES,
      unit: "returns",
      reached: "It is left to the administrator.",
    },
    {
      name: "events that wait for the event program",
      value: HOOK_QUEUE_EVENTS,
      unit: "events",
      reached: "Further ones are counted and dropped; this is said.",
    },
    {
      name: "time that the event program may run",
      value: HOOK_TIMEOUT_MS,
      unit: "ms",
      reached: "It is killed, and the next event follows.",
    },
    {
      name: "what is remembered",
      value: STATE_LIMIT_BYTES,
      unit: "bytes",
      reached: "A new daemon does not read it, and begins anew.",
    },
  ],
  unit: UNIT,
  libraries: ["libc.so.6"],
  // A start fits into the young generation, and is too short to be compiled; what runs for long still is, by TurboFan.
  v8Flags: [
    ...["--min-semi-space-size=2", "--max-semi-space-size=2"],
    ...["--no-sparkplug", "--no-maglev"],
  ],
  paths: [
    {
      path: "/sys",
      rights: ["read", "write"],
      why: "What md and the disks tell of themselves; a path is put back by writing there.",
    },
    {
      path: "/proc",
      rights: ["read"],
      why:
        "mdstat, which is another file each time that md is loaded; the program's own memory map.",
    },
    { path: "/dev", rights: ["read"], why: "Disks are read, past every cache, and never written." },
    {
      path: "$run",
      rights: ["read", "write", "create", "socket"],
      why: "Pid file, control socket, what is remembered.",
    },
    {
      path: "$config",
      rights: ["read"],
      why:
        "SIGHUP reads the configuration again, from the folder of the file, since an editor may have put another in its place. " +
        "Who reads all disks reads nothing new there.",
    },
    {
      path: "$program",
      rights: ["read", "execute"],
      why: "Devices are touched by children of the same program.",
    },
    ...LOADERS,
    {
      path: "/lib",
      rights: ["read"],
      why: "Libraries that the program of a child is linked with.",
    },
    { path: "/usr/lib", rights: ["read"], why: "The same where /lib is elsewhere." },
    { path: "/lib64", rights: ["read"], why: "The same on other distributions." },
    { path: "/etc/ld.so.cache", rights: ["read"], why: "Where the loader looks them up." },
  ],
  capabilities: [
    {
      name: "CAP_SYS_ADMIN",
      why: "md lets nobody else change the state of a path (md_attr_store in drivers/md/md.c).",
    },
    {
      name: "CAP_DAC_READ_SEARCH",
      why: "Disks may belong to others than root.",
    },
  ],
  syscalls: SYSCALLS,
  otherSyscalls: "kill",
} as const satisfies Manifest;
