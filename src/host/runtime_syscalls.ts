/**
 * System calls that every daemon of ours needs, whatever its manifest says: those of the runtime that is in its binary, and
 * those of src/host. Found by running compiled programs under strace and under the filter itself: start-up, garbage
 * collection, just-in-time compiled loops, uncaught errors, exhausted stack and heap, exit.
 *
 * A name that one architecture lacks (open by path without a directory, say) stands beside the one that replaces it there.
 */
import type { Manifest, SyscallGrant } from "./manifest.ts";

/** What a program of `deno compile` calls by itself, from its execve to its end. */
export const RUNTIME_SYSCALLS: readonly SyscallGrant[] = [
  {
    names: [
      "access",
      "arch_prctl",
      "faccessat",
      "faccessat2",
      "rseq",
      "set_robust_list",
      "set_tid_address",
    ],
    why: "The loader and the C library set the program up.",
  },
  {
    names: [
      "brk",
      "madvise",
      "membarrier",
      "mmap",
      "mprotect",
      "mremap",
      "munmap",
      "pkey_alloc",
      "pkey_free",
      "pkey_mprotect",
    ],
    why: "The heap, its collection, and the pages that hold compiled code.",
  },
  {
    names: [
      "clock_getres",
      "clock_gettime",
      "clock_nanosleep",
      "gettimeofday",
      "nanosleep",
      "time",
    ],
    why:
      "Clocks: the kernel is called where it cannot answer from memory, as in some virtual machines.",
  },
  {
    names: ["futex", "restart_syscall", "sched_yield"],
    why: "Locks inside the runtime and the C library.",
  },
  {
    names: [
      "getpid",
      "gettid",
      "rt_sigaction",
      "rt_sigprocmask",
      "rt_sigreturn",
      "sigaltstack",
      "tgkill",
    ],
    why: "Signal handlers, and abort(3): a crash is to be seen as what it is.",
  },
  {
    names: [
      "close",
      "dup",
      "fcntl",
      "fstat",
      "getcwd",
      "ioctl",
      "lseek",
      "newfstatat",
      "openat",
      "poll",
      "ppoll",
      "pread64",
      "read",
      "readlink",
      "readlinkat",
      "readv",
      "statx",
      "write",
      "writev",
    ],
    why: "The program's own file, /proc/self, /sys/fs/cgroup, /etc/localtime; messages on stderr.",
  },
  {
    names: [
      "epoll_create1",
      "epoll_ctl",
      "epoll_pwait",
      "epoll_wait",
      "eventfd2",
      "socketpair",
    ],
    why: "The runtime makes its own event loop at the start, which then lies idle.",
  },
  {
    names: [
      "getegid",
      "geteuid",
      "getgid",
      "getppid",
      "getrandom",
      "getrusage",
      "getuid",
      "prlimit64",
      "sched_getaffinity",
      "sysinfo",
      "uname",
    ],
    why: "Who and where it is, how much memory and how many processors there are, random seeds.",
  },
  { names: ["exit", "exit_group"], why: "The end." },
];

/** What src/host calls for every daemon. */
export const HOST_SYSCALLS: readonly SyscallGrant[] = [
  { names: ["signalfd4"], why: "The reactor reads signals from a descriptor." },
  {
    names: [
      "accept4",
      "bind",
      "connect",
      "getsockname",
      "getsockopt",
      "listen",
      "recvfrom",
      "recvmsg",
      "sendmsg",
      "sendto",
      "setsockopt",
      "shutdown",
      "socket",
    ],
    why: "Unix sockets: listeners, streams, the control socket, the journal, the service manager.",
  },
  {
    names: [
      "chdir",
      "dup2",
      "dup3",
      "fsync",
      "ftruncate",
      "mkdir",
      "mkdirat",
      "pipe2",
      "rename",
      "renameat",
      "renameat2",
      "umask",
      "unlink",
      "unlinkat",
    ],
    why: "Pid file, log file, the state of a re-exec.",
  },
  {
    names: [
      "capget",
      "landlock_add_rule",
      "landlock_create_ruleset",
      "landlock_restrict_self",
      "prctl",
      "seccomp",
    ],
    why:
      "The sandbox itself: each of these can only narrow, and a re-executed program enters again.",
  },
];

/** `socket(AF_NETLINK)` names an argument too: see src/host/sandbox_calls.ts. */
function callName(entry: string): string {
  const end = entry.indexOf("(");
  return end < 0 ? entry : entry.slice(0, end);
}

/** Every system call that a daemon may make, sorted by name. */
export function allowedSyscalls(manifest: Pick<Manifest, "syscalls">): string[] {
  const groups = [...RUNTIME_SYSCALLS, ...HOST_SYSCALLS, ...manifest.syscalls];
  return [...new Set(groups.flatMap(({ names }) => names.map(callName)))].sort();
}
