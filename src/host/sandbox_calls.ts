/** From the manifest's list of system calls to the filter's table. */
import { EAFNOSUPPORT, ENOSYS, EPERM } from "../../ffi/errno.ts";
import {
  type ArgumentCase,
  type CallRule,
  failWith,
  type FilterTable,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_KILL_PROCESS,
  type Verdict,
} from "../../ffi/seccomp.ts";
import { type Architecture, NEWEST_KNOWN_SYSCALL, syscallNumber } from "../../ffi/syscalls.ts";
import type { Manifest } from "./manifest.ts";
import { allowedSyscalls } from "./runtime_syscalls.ts";

/** Nobody in these daemons has business with these, not even to try: the process ends, whatever its manifest says of others. */
export const FORBIDDEN_SYSCALLS: ReadonlySet<string> = new Set([
  ...["bpf", "perf_event_open", "ptrace", "userfaultfd"],
  ...["process_madvise", "process_vm_readv", "process_vm_writev"],
  ...["create_module", "delete_module", "finit_module", "init_module"],
  ...["kexec_file_load", "kexec_load", "reboot", "swapoff", "swapon"],
  ...["fsconfig", "fsmount", "fsopen", "fspick", "mount", "mount_setattr", "move_mount"],
  ...["open_by_handle_at", "open_tree", "umount2"],
  ...["chroot", "pivot_root", "setns", "unshare"],
  ...["acct", "quotactl", "quotactl_fd", "uselib", "vhangup"],
  ...["clock_settime", "setdomainname", "sethostname", "settimeofday"],
  ...["ioperm", "iopl"],
]);

// linux/socket.h of the kernel, and bits/socket.h
const ADDRESS_FAMILIES: Readonly<Record<string, number>> = { AF_UNIX: 1, AF_NETLINK: 16 };
// asm-generic/ioctls.h: characters put into a terminal's input, and the like on the console
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
// linux/sched.h: new namespaces, and children that their parent's tracer holds or cannot hold
const CLONE_NEWNS = 0x0002_0000;
const CLONE_NEWCGROUP = 0x0200_0000;
const CLONE_NEWUTS = 0x0400_0000;
const CLONE_NEWIPC = 0x0800_0000;
const CLONE_NEWUSER = 0x1000_0000;
const CLONE_NEWPID = 0x2000_0000;
const CLONE_NEWNET = 0x4000_0000;
const CLONE_PTRACE = 0x0000_2000;
const CLONE_UNTRACED = 0x0080_0000;

/** Checked against the headers by the layout test, like those of ffi/. */
export const CONSTANTS = {
  ...ADDRESS_FAMILIES,
  TIOCSTI,
  TIOCLINUX,
  CLONE_NEWNS,
  CLONE_NEWCGROUP,
  CLONE_NEWUTS,
  CLONE_NEWIPC,
  CLONE_NEWUSER,
  CLONE_NEWPID,
  CLONE_NEWNET,
  CLONE_PTRACE,
  CLONE_UNTRACED,
};

const CLONE_REFUSED = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
  CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE | CLONE_UNTRACED;

type SyscallPart = Pick<Manifest, "syscalls" | "otherSyscalls">;

/** AF_UNIX, and what the manifest lists as `socket(AF_…)`. Throws RangeError for a family we have no number of. */
function socketFamilies({ syscalls }: SyscallPart): number[] {
  const listed = syscalls.flatMap(({ names }) => names).filter((name) => name.startsWith("socket("))
    .map((name) => name.slice("socket(".length, -1));
  return ["AF_UNIX", ...listed].map((name) => {
    if (!Object.hasOwn(ADDRESS_FAMILIES, name)) throw new RangeError(`address family "${name}"`);
    return ADDRESS_FAMILIES[name];
  });
}

function when(argument: number, values: readonly number[], verdict: Verdict): ArgumentCase[] {
  return values.map((equals) => ({ tests: [{ argument, equals }], verdict }));
}

/** Calls whose arguments decide. Families other than ours do not exist for us, which is what libraries expect to be told. */
function argumentRules(
  manifest: SyscallPart,
  otherwise: Verdict,
): Readonly<Record<string, Omit<CallRule, "number">>> {
  const families = when(0, socketFamilies(manifest), SECCOMP_RET_ALLOW);
  const asksOnly = manifest.syscalls.some(({ names }) => names.includes("kill(0)"));
  const refused = { tests: [{ argument: 0, anyOf: CLONE_REFUSED }], verdict: otherwise };
  return {
    socket: { cases: families, verdict: failWith(EAFNOSUPPORT) },
    socketpair: { cases: families, verdict: failWith(EAFNOSUPPORT) },
    ioctl: { cases: when(1, [TIOCSTI, TIOCLINUX], otherwise), verdict: SECCOMP_RET_ALLOW },
    clone: { cases: [refused], verdict: SECCOMP_RET_ALLOW },
    ...(asksOnly ? { kill: { cases: when(1, [0], SECCOMP_RET_ALLOW), verdict: otherwise } } : {}),
  };
}

/** Rules for those of the names that the architecture has. Throws RangeError for a name without a number anywhere. */
function rulesFor(
  names: Iterable<string>,
  architecture: Architecture,
  rule: (name: string) => Omit<CallRule, "number">,
): CallRule[] {
  return [...names].flatMap((name) => {
    const number = syscallNumber(name, architecture);
    return number === undefined ? [] : [{ number, ...rule(name) }];
  });
}

/**
 * The table of a manifest. clone3 passes its flags in memory, where a filter cannot look: ENOSYS makes the C library use clone.
 * Throws RangeError for an unknown or a forbidden call.
 */
export function filterTable(manifest: SyscallPart, architecture: Architecture): FilterTable {
  const otherwise = manifest.otherSyscalls === "kill" ? SECCOMP_RET_KILL_PROCESS : failWith(EPERM);
  const allowed = allowedSyscalls(manifest);
  const wrong = allowed.find((name) => FORBIDDEN_SYSCALLS.has(name) || name === "clone3");
  if (wrong !== undefined) throw new RangeError(`a manifest lists "${wrong}", which none may have`);
  const special = argumentRules(manifest, otherwise);
  return {
    rules: [
      ...rulesFor(allowed, architecture, (n) => special[n] ?? { verdict: SECCOMP_RET_ALLOW }),
      ...rulesFor(["clone3"], architecture, () => ({ verdict: failWith(ENOSYS) })),
      ...rulesFor(FORBIDDEN_SYSCALLS, architecture, () => ({ verdict: SECCOMP_RET_KILL_PROCESS })),
    ],
    otherwise,
    newestKnown: NEWEST_KNOWN_SYSCALL,
    newer: failWith(ENOSYS),
  };
}
