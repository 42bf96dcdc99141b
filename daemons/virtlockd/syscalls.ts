/**
 * System calls of virtlockd beyond those of every daemon.
 *
 * The filter outlives a re-exec, so it serves two programs: this daemon, and libvirt's own, which an administrator may put in
 * its place while guests run. The latter's calls were seen with strace on libvirt 9.0 (start, clients, locks, kill of a holder,
 * re-exec, virt-admin, each log output, exit), and a little is added for what a newer libvirt or GLib may be built upon.
 */
import type { SyscallGrant } from "../../src/host/manifest.ts";

export const SYSCALLS = [
  {
    names: ["execve"],
    why: "SIGUSR1 puts a new version in this one's place, in the same process.",
  },
  {
    names: ["kill", "pidfd_open", "pidfd_send_signal"],
    why: "A guest that lost its connection is ended before its locks are released.",
  },
  {
    names: ["clone", "wait4"],
    why: "libvirt's daemon ends its event loop from a thread of its own, and with -d it forks.",
  },
  {
    names: [
      "accept",
      "epoll_pwait2",
      "getpeername",
      "pselect6",
      "select",
      "timerfd_create",
      "timerfd_settime",
    ],
    why: "GLib's event loop and libvirt's sockets; name service modules that talk to a daemon.",
  },
  {
    names: [
      "fadvise64",
      "fallocate",
      "fdatasync",
      "flock",
      "fstatfs",
      "getdents64",
      "lstat",
      "open",
      "pipe",
      "pwrite64",
      "stat",
      "statfs",
    ],
    why: "Files, as the C library and libvirt's other libraries open and read them.",
  },
  {
    names: [
      "close_range",
      "get_mempolicy",
      "getgroups",
      "getpgrp",
      "getresgid",
      "getresuid",
      "sched_getattr",
      "sched_getparam",
      "sched_getscheduler",
      "setsid",
    ],
    why: "What the libraries of libvirt's daemon ask about the process as they are loaded.",
  },
] as const satisfies readonly SyscallGrant[];
