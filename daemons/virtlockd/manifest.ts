/** What virtlockd is, takes and may do: the one list from which everything else about it is derived. */
import {
  CHECK_CONFIG,
  CONFIG,
  LOADERS,
  NO_SANDBOX,
  STATUS_EXIT_CODES,
} from "../../src/host/manifest_parts.ts";
import type { Manifest } from "../../src/host/manifest.ts";
import {
  DEFAULT_ADMIN_MAX_CLIENTS,
  DEFAULT_MAX_CLIENTS,
  HANDOVER_WAIT_MS,
  KILL_AFTER_MS,
  KILL_GIVE_UP_MS,
  LEASE_RETRY_MS,
  LISTEN_BACKLOG,
  LOG_WORDS_MAX,
  OUTPUT_LIMIT_BYTES,
  STALL_CHECK_MS,
  STATE_LIMIT_BYTES,
} from "./limits.ts";
import { LOCK_STRING_MAX_BYTES } from "./lock_protocol.ts";
import { SYSCALLS } from "./syscalls.ts";
import { UNIT } from "./unit.ts";

export const manifest = {
  name: "virtlockd",
  summary: "lock manager for the disks of virtual machines",
  description: [
    "Holds a lock on every disk and lease of the virtual machines of a host, so that no disk is written by two of them. " +
    "libvirtd asks for the locks when a guest starts and gives them up when it stops; nobody else needs to talk to the daemon.",
    "It speaks the protocol of the virtlockd of libvirt 9.0 and takes its options, its configuration file and, in a running " +
    "system, its place.",
  ],
  options: [
    { long: "help", short: "h", help: "Show this help and exit." },
    { long: "verbose", short: "v", help: "Log what happens, not only what goes wrong." },
    { long: "daemon", short: "d", help: "Run in the background." },
    {
      long: "timeout",
      short: "t",
      argument: "secs",
      help: "Exit after so long without a client and without a lock; 0 is never.",
    },
    { ...CONFIG, short: "f" },
    { long: "version", short: "V", help: "Show the version and exit." },
    {
      long: "pid-file",
      short: "p",
      argument: "file",
      help: "Use this pid file; an empty name means none.",
    },
    { ...CHECK_CONFIG, extension: true },
    { ...NO_SANDBOX, extension: true },
  ],
  commands: [{
    name: "status",
    help: "Show the lockspaces, locks, owners and clients of the running daemon.",
    options: [{ long: "json", help: "As JSON." }],
  }],
  configKeys: [
    {
      name: "log_level",
      type: "uint",
      default: "3",
      help: "The lowest priority that is logged: 1 debug, 2 info, 3 warning, 4 error.",
    },
    {
      name: "log_filters",
      type: "string",
      default: "none",
      help:
        "Other levels for parts of the daemon, separated by blanks, each LEVEL:MATCH. MATCH is part of a category such as " +
        "locking.lock_daemon and may contain * and ?; the first filter that matches counts.",
    },
    {
      name: "log_outputs",
      type: "string",
      default: "journald where there is one, else stderr",
      help:
        "Where messages go, separated by blanks: LEVEL:stderr, LEVEL:journald, LEVEL:syslog:NAME or LEVEL:file:PATH.",
    },
    {
      name: "max_clients",
      type: "uint",
      default: "1024",
      help:
        "Connections served at a time. Every running guest keeps one; further clients wait until one goes.",
    },
    {
      name: "admin_max_clients",
      type: "uint",
      default: "5000",
      help: "Connections to the admin socket served at a time.",
    },
  ],
  environment: [
    { name: "LIBVIRT_DEBUG", help: "As log_level, which it overrides." },
    { name: "LIBVIRT_LOG_FILTERS", help: "As log_filters, which it overrides." },
    { name: "LIBVIRT_LOG_OUTPUTS", help: "As log_outputs, which it overrides." },
    { name: "NOTIFY_SOCKET", help: "Where READY=1 is sent once clients are served." },
    {
      name: "LISTEN_FDS, LISTEN_PID, LISTEN_FDNAMES",
      help: "Listening sockets made by systemd.",
    },
    {
      name: "XDG_CONFIG_HOME, XDG_RUNTIME_DIR, XDG_CACHE_HOME",
      help: "Where a daemon that does not run as root has its files.",
    },
  ],
  exitCodes: [
    {
      code: 0,
      meaning: "Ended by SIGTERM, SIGINT or SIGQUIT, or idle for as long as --timeout says.",
    },
    {
      code: 1,
      meaning: "An option, the configuration or the log settings are wrong, or the pid file is " +
        "held by another daemon. With --daemon: any failure before the daemon serves.",
    },
    { code: 2, meaning: "The run directory cannot be made." },
    { code: 3, meaning: "The state left by a predecessor cannot be taken over." },
    { code: 6, meaning: "A socket cannot be made, or is served by another daemon." },
    ...STATUS_EXIT_CODES,
  ],
  signals: [
    {
      name: "SIGTERM, SIGINT, SIGQUIT",
      help: "Ends every guest that holds a lock, releases all locks and exits.",
    },
    {
      name: "SIGUSR1",
      help:
        "Replaces the program by the one that is now at its path, keeping process id, locks and connections. If that " +
        "is not possible, the reason is logged and the daemon goes on as it is.",
    },
    { name: "SIGHUP", help: "Begins log files anew, for log rotation." },
  ],
  files: [
    {
      path: "/etc/libvirt/virtlockd.conf",
      session: "$XDG_CONFIG_HOME/libvirt/virtlockd.conf",
      purpose: "Configuration file (unless overridden by -f)",
    },
    {
      path: "/run/libvirt/virtlockd-sock",
      session: "$XDG_RUNTIME_DIR/libvirt/virtlockd-sock",
      purpose: "Socket for libvirtd",
    },
    {
      path: "/run/libvirt/virtlockd-admin-sock",
      session: "$XDG_RUNTIME_DIR/libvirt/virtlockd-admin-sock",
      purpose: "Socket for virt-admin",
    },
    {
      path: "/run/libvirt/virtlockd-control-sock",
      session: "$XDG_RUNTIME_DIR/libvirt/virtlockd-control-sock",
      purpose: "Socket for virtlockd status",
    },
    {
      path: "/run/virtlockd.pid",
      session: "$XDG_RUNTIME_DIR/libvirt/virtlockd.pid",
      purpose: "Pid file (unless overridden by -p)",
    },
    {
      path: "/run/virtlockd-restart-exec.json",
      session: "$XDG_RUNTIME_DIR/libvirt/virtlockd-restart-exec.json",
      purpose: "State handed over on SIGUSR1",
    },
    {
      path: "/var/log/libvirt/virtlockd.log",
      session: "$XDG_CACHE_HOME/libvirt/virtlockd.log",
      purpose: "Log of a daemon started with -d where there is no journal",
    },
  ],
  sockets: [
    {
      name: "virtlockd.socket",
      path: "/run/libvirt/virtlockd-sock",
      mode: "0600",
      summary: "Virtual machine lock manager socket",
    },
    {
      name: "virtlockd-admin.socket",
      path: "/run/libvirt/virtlockd-admin-sock",
      mode: "0600",
      summary: "Virtual machine lock manager admin socket",
    },
  ],
  limits: [
    {
      name: "clients of the lock socket",
      value: DEFAULT_MAX_CLIENTS,
      unit: "connections",
      reached: "Further clients wait, unanswered, until one leaves (max_clients).",
    },
    {
      name: "clients of the admin socket",
      value: DEFAULT_ADMIN_MAX_CLIENTS,
      unit: "connections",
      reached: "Further clients wait, unanswered, until one leaves (admin_max_clients).",
    },
    {
      name: "connections waiting to be accepted",
      value: LISTEN_BACKLOG,
      unit: "connections",
      reached: "connect(2) blocks.",
    },
    {
      name: "open files",
      value: 40_960,
      unit: "descriptors",
      reached:
        "One for every connection and every lock. A lock then fails with EMFILE; a connection is closed as soon as it is made.",
    },
    {
      name: "paths and names in a call",
      value: LOCK_STRING_MAX_BYTES,
      unit: "bytes",
      reached: "The call is answered with an error.",
    },
    {
      name: "outputs or filters in one log setting",
      value: LOG_WORDS_MAX,
      unit: "words",
      reached: "The setting is an error.",
    },
    {
      name: "replies that a client has not read",
      value: OUTPUT_LIMIT_BYTES,
      unit: "bytes",
      reached:
        "No further request is read before they are; the connection is closed if one reply does not fit.",
    },
    {
      name: "time for the rest of a message, or for reading replies",
      value: STALL_CHECK_MS,
      unit: "ms",
      reached:
        "The connection is closed at the next look, after at most twice as long, unless it is that of a guest which " +
        "holds locks.",
    },
    {
      name: "interval between attempts to open a file on which another process has a lease",
      value: LEASE_RETRY_MS,
      unit: "ms",
      reached: "It is tried again, until the lease is gone; other clients are served meanwhile.",
    },
    {
      name: "time between SIGTERM and SIGKILL for a holder that lost its connection",
      value: KILL_AFTER_MS,
      unit: "ms",
      reached: "SIGKILL is sent. The locks stay until the process is dead.",
    },
    {
      name: "time for holders to die when the daemon ends",
      value: KILL_GIVE_UP_MS,
      unit: "ms",
      reached: "The daemon exits, and so releases the locks.",
    },
    {
      name: "wait for a quiet moment before another program is executed",
      value: HANDOVER_WAIT_MS,
      unit: "ms",
      reached: "The re-exec is refused, with the reason in the log; the daemon goes on.",
    },
    {
      name: "state of a re-exec",
      value: STATE_LIMIT_BYTES,
      unit: "bytes",
      reached: "The re-exec is refused, with the reason in the log; the daemon goes on.",
    },
  ],
  unit: UNIT,
  libraries: ["libc.so.6"],
  // The heap is for the state of a re-exec (STATE_LIMIT_BYTES); in service it stays small (task bench).
  v8Flags: ["--max-semi-space-size=1", "--max-old-space-size=256"],
  paths: [
    {
      path: "/",
      rights: ["read", "write", "create"],
      why:
        "Lease files and disks are wherever the guests' disks are, also on file systems that are mounted later. No folder " +
        "can be left out of this: Landlock only ever adds rights to a path.",
    },
    {
      path: "$run",
      rights: ["read", "write", "create", "socket"],
      why: "The sockets, the pid file and the state of a re-exec.",
    },
    {
      path: "$program",
      rights: ["read", "execute"],
      why: "SIGUSR1 executes the program that is then at our path.",
    },
    ...LOADERS,
  ],
  capabilities: [
    {
      name: "CAP_DAC_OVERRIDE",
      why:
        "Disk images belong to the user that the guest runs as, and are opened for writing to be locked.",
    },
    {
      name: "CAP_FOWNER",
      why: "Lease files may have to be removed from a folder with the sticky bit, such as /tmp.",
    },
    {
      name: "CAP_KILL",
      why: "A guest that lost its connection is ended before its locks are released.",
    },
  ],
  syscalls: SYSCALLS,
  otherSyscalls: "errno",
} as const satisfies Manifest;
