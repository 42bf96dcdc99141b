/** What dmfilemapd is, takes and may do: the one list from which everything else about it is derived. */
import type { Manifest } from "../../src/host/manifest.ts";
import { CHECK_CONFIG } from "../../src/host/manifest_parts.ts";
import type { FollowMode } from "./arguments.ts";
import {
  ABSORB_MAX,
  CREATES_PER_TURN,
  DEFAULT_REGION_LIMIT,
  DEFAULT_SEAM_LIMIT,
  DEFAULT_UPDATE_INTERVAL_MS,
  DELETES_PER_TURN,
  EMPTY_GRACE_MS,
  LOW_IDS_MAX,
  MESSAGE_MAX_BYTES,
  MISSING_GRACE_MS,
  SETTLE_MAX_MS,
} from "./limits.ts";
import { SYSCALLS } from "./syscalls.ts";

export const manifest = {
  name: "dmfilemapd",
  summary: "device-mapper filemap monitoring daemon",
  description: [
    "Keeps a group of dmstats(8) regions in line with the extents of a file, so that the group's statistics are those of the " +
    "file's I/O.",
    "dmstats starts it; it takes the arguments of the dmfilemapd of lvm2 2.03 and, in a running system, its place.",
  ],
  operands: [
    {
      name: "file_descriptor",
      help:
        "Number of a descriptor that was passed on to the daemon: a regular file, open for reading, on a device-mapper device.",
    },
    { name: "group_id", help: "The dmstats group to keep, which must exist." },
    {
      name: "abs_path",
      help: "The file's absolute path: what is followed in path mode, else only shown.",
    },
    {
      name: "inode|path",
      help: "What to follow: the file, whatever its name, or whatever file has the name.",
    },
    { name: "foreground", help: "0 to run in the background; anything else to stay." },
    {
      name: "verbose",
      optional: true,
      help:
        "0 (the default) for errors only and, in the background, no standard output and error at all; 1 for what happens; 2 for " +
        "every region; 3 for every message to the kernel.",
    },
  ],
  options: [
    { long: "help", help: "Show this help and exit.", extension: true },
    { long: "version", help: "Show the version and exit.", extension: true },
    { ...CHECK_CONFIG, extension: true },
    {
      long: "no-sandbox",
      help:
        "In front of the arguments: keep all privileges; for finding out whether the sandbox is in the way.",
      extension: true,
    },
  ],
  commands: [{
    name: "status",
    help: "Show every running daemon with its file, group and regions.",
    options: [{ long: "json", help: "As JSON." }],
  }],
  configKeys: [
    {
      name: "update_interval",
      type: "uint",
      default: String(DEFAULT_UPDATE_INTERVAL_MS),
      help:
        "The least number of milliseconds between two updates. The first change after a pause is mapped at once; after an update " +
        "that took long the daemon waits four times as long as it took, up to 500 ms.",
    },
    {
      name: "check_interval",
      type: "uint",
      default: "10",
      help:
        "Seconds between looks at a file that some process has open for writing, since growth through a mapping or by " +
        "io_submit(2), as with aio=native of QEMU, raises no event. Without such a process there are no such looks.",
    },
    {
      name: "seam_limit",
      type: "uint",
      default: String(DEFAULT_SEAM_LIMIT),
      help:
        "Regions that a group may have beyond one for each extent. Beyond that those with the smallest counts are merged; what " +
        "they have counted is kept and shown by dmfilemapd status, but no more by dmstats.",
    },
    {
      name: "region_limit",
      type: "uint",
      default: String(DEFAULT_REGION_LIMIT),
      help:
        "Regions that a group may have altogether. Each takes 64 KiB of kernel memory and more. Those of one extent are merged to " +
        "keep below it; further extents stay unmapped, which is said once.",
    },
    {
      name: "look_ahead",
      type: "uint",
      default: "0",
      help:
        "MiB to map past the last extent, so that the writes of coming appends are counted; 0 for none. It also counts what other " +
        "files write there, and the group then is larger than the file.",
    },
    {
      name: "log_level",
      type: "uint",
      default: "3",
      help:
        "The lowest priority that a daemon in the background logs: 1 debug, 2 info, 3 warning, 4 error. It logs to the journal or, " +
        "where there is none, to the system log.",
    },
  ],
  environment: [
    { name: "DMFILEMAPD_CONF", help: "Another configuration file, which must exist." },
    {
      name: "DMFILEMAPD_LOOK_AHEAD",
      help: "As look_ahead, which it overrides. There is such a variable for every key.",
    },
  ],
  exitCodes: [
    {
      code: 0,
      meaning:
        "The group has gone, the file has no extents any more, or it is unlinked and nobody else has it open; the daemon was told " +
        "to end; another one does the same already. In the background: the daemon follows its file.",
    },
    {
      code: 1,
      meaning:
        "The arguments, the descriptor or the configuration are wrong, the file cannot be mapped, or there is no file at the path.",
    },
    { code: 64, meaning: "status: wrong use, or a daemon of another version." },
    { code: 69, meaning: "status: no daemon runs." },
    { code: 70, meaning: "status: the daemon cannot answer." },
    { code: 74, meaning: "status: the connection broke." },
    { code: 75, meaning: "status: the daemon is too busy." },
    { code: 76, meaning: "status: the answer makes no sense." },
    { code: 77, meaning: "status: only root may ask." },
  ],
  signals: [
    {
      name: "SIGTERM, SIGINT, SIGQUIT, SIGHUP",
      help: "Ends the daemon and leaves the group as it is.",
    },
    { name: "SIGUSR1", help: "Reads group and extents anew and updates the regions." },
  ],
  files: [
    { path: "/etc/dmfilemapd.conf", purpose: "Configuration file" },
    {
      path: "/run/dmfilemapd/MAJOR:MINOR-GROUP.pid",
      purpose: "Pid file, locked by the daemon of the group",
    },
    {
      path: "/run/dmfilemapd/MAJOR:MINOR-GROUP.sock",
      purpose: "Socket for dmfilemapd status and for a second daemon of the group",
    },
    {
      path: "/run/dmfilemapd/MAJOR:MINOR.lock",
      purpose: "Locked while a daemon changes regions of the device",
    },
    { path: "/dev/mapper/control", purpose: "Device-mapper" },
  ],
  sockets: [],
  limits: [
    {
      name: "regions beyond one for each extent",
      value: DEFAULT_SEAM_LIMIT,
      unit: "regions",
      reached: "Those with the smallest counts are merged (seam_limit).",
    },
    {
      name: "regions of a group",
      value: DEFAULT_REGION_LIMIT,
      unit: "regions",
      reached: "Further extents stay unmapped, which is said once (region_limit).",
    },
    {
      name: "regions created in one turn",
      value: CREATES_PER_TURN,
      unit: "regions",
      reached: "The rest follows when signals and requests have been seen to.",
    },
    {
      name: "regions deleted in one turn",
      value: DELETES_PER_TURN,
      unit: "regions",
      reached: "As above.",
    },
    {
      name: "regions created in one turn that are joined with idle neighbours",
      value: ABSORB_MAX,
      unit: "regions",
      reached: "They stay apart until there are too many.",
    },
    {
      name: "group descriptor, as a message",
      value: MESSAGE_MAX_BYTES,
      unit: "bytes",
      reached:
        "The regions get new ids in a row, which makes it short; if that fails, no region is added, which is said once.",
    },
    {
      name: "free region ids below the group's",
      value: LOW_IDS_MAX,
      unit: "ids",
      reached:
        "No region is added, which is said once, since one below would have to lead the group.",
    },
    {
      name: "time without extents",
      value: EMPTY_GRACE_MS,
      unit: "ms",
      reached: "The group is deleted and the daemon ends.",
    },
    {
      name: "time without a file at the path",
      value: MISSING_GRACE_MS,
      unit: "ms",
      reached: "The daemon ends.",
    },
    {
      name: "time between looks at a file with data that wait to be allocated",
      value: SETTLE_MAX_MS,
      unit: "ms",
      reached: "It does not grow any more.",
    },
  ],
  libraries: ["libc.so.6"],
  v8Flags: ["--max-semi-space-size=1"],
  paths: [
    {
      path: "/",
      rights: ["read"],
      why:
        "In path mode the file is opened anew for each look, wherever it is. In inode mode this is not granted.",
    },
    {
      path: "$run",
      rights: ["read", "write", "create", "socket"],
      why: "Pid file, locks, socket.",
    },
    { path: "/proc", rights: ["read"], why: "Its own memory map, to give back start-up code." },
    { path: "/sys", rights: ["read"], why: "The device's size, for look_ahead." },
    { path: "/dev/null", rights: ["read"], why: "A descriptor in reserve." },
  ],
  capabilities: [
    { name: "CAP_SYS_ADMIN", why: "Messages to device-mapper are for its holders only." },
    {
      name: "CAP_LEASE",
      why: "Who else has a file of another user open is found out by asking for a lease on it.",
    },
    {
      name: "CAP_DAC_READ_SEARCH",
      why: "In path mode, other users' files are opened for reading.",
    },
  ],
  syscalls: SYSCALLS,
  otherSyscalls: "kill",
} as const satisfies Manifest;

/** What a running daemon may do: one that has its file open needs no other. */
export function policyOf(mode: FollowMode): Manifest {
  const paths = manifest.paths.filter(({ path }) => mode === "path" || path !== "/");
  return { ...manifest, paths };
}
