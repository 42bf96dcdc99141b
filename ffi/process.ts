/** Processes: this one's identity and limits, starting and replacing programs, watching and signalling others. */
import { decodeBytes, toReversibleText } from "../src/wire/bytes.ts";
import { layout, setU64 } from "../src/wire/layout.ts";
import { check, Errno, errno } from "./errno.ts";
import { readWholeFile } from "./file.ts";
import { libc } from "./libc.ts";
import { cString, readBytes, readCString, stringVector } from "./memory.ts";
import { pollDescriptor, POLLIN } from "./poll.ts";
import { signalSet } from "./signal.ts";
import { systemCall } from "./system_call.ts";

// asm/unistd.h, asm-generic/unistd.h: the two have one number on every architecture since Linux 5.1.
// spawn.h
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const POSIX_SPAWN_SETSID = 0x80;
/** Upper bounds of glibc's opaque posix_spawn types; the layout test compares them. */
const SPAWN_ATTRIBUTES_BYTES = 336;
const SPAWN_ACTIONS_BYTES = 80;
// asm-generic/resource.h
const RLIMIT_NOFILE = 7;
const WNOHANG = 1;
// linux/wait.h; idtype_t is an enum of sys/wait.h
const P_PID = 1;
const WEXITED = 4;
const WNOWAIT = 0x01000000;
// asm-generic/siginfo.h: si_code of a child that has ended
const CLD_EXITED = 1;

/** As it is for a child, on 64-bit machines. */
const SIGINFO = layout("siginfo_t", {
  si_signo: "i32",
  si_errno: "i32",
  si_code: "i32",
  pad: "i32",
  si_pid: "i32",
  si_uid: "u32",
  si_status: "i32",
  rest: ["bytes", 100],
});

const RLIMIT = layout("struct rlimit", { rlim_cur: "u64", rlim_max: "u64" });

// sched.h
const SCHED_RR = 2;
const SCHED_RESET_ON_FORK = 0x40000000;

export const CONSTANTS = {
  SCHED_RR,
  SCHED_RESET_ON_FORK,
  POSIX_SPAWN_SETSIGDEF,
  POSIX_SPAWN_SETSIGMASK,
  POSIX_SPAWN_SETSID,
  RLIMIT_NOFILE,
  WNOHANG,
  P_PID,
  WEXITED,
  WNOWAIT,
  CLD_EXITED,
};
export const STRUCTS = [RLIMIT, SIGINFO];
export const SIZES = {
  posix_spawnattr_t: SPAWN_ATTRIBUTES_BYTES,
  posix_spawn_file_actions_t: SPAWN_ACTIONS_BYTES,
};

/** getpid(2). */
export function processId(): number {
  return libc.getpid();
}

/** geteuid(2). */
export function effectiveUserId(): number {
  return libc.geteuid();
}

/** /proc files of one process stay below this: argument and environment blocks are at most 6 MiB by default. */
const PROC_LIMIT_BYTES = 16 << 20;

function readNulSeparated(path: string): string[] {
  const bytes = readWholeFile(path, PROC_LIMIT_BYTES);
  const words = decodeBytes(bytes, 0, bytes.length).split("\0").slice(0, -1);
  return words.map(toReversibleText);
}

/** This process's arguments as given to execve, the program's name first, as reversible text (src/wire/bytes.ts). Throws Errno. */
export function commandLine(): string[] {
  return readNulSeparated("/proc/self/cmdline");
}

/** The environment this process was started with. Throws Errno. */
export function environment(): Map<string, string> {
  const entries = readNulSeparated("/proc/self/environ").map((line): [string, string] => {
    const equals = line.indexOf("=");
    return equals < 0 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
  });
  return new Map(entries);
}

/** `NAME=value` lines, as execve takes them. */
export function environmentBlock(variables: ReadonlyMap<string, string>): string[] {
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

/** Throws Errno. */
export function workingDirectory(): string {
  const buffer = new Uint8Array(4096);
  if (libc.getcwd(buffer, buffer.length) === 0n) throw new Errno(errno(), "getcwd");
  return new TextDecoder().decode(buffer.subarray(0, buffer.indexOf(0)));
}

/** Throws Errno. */
export function changeDirectory(path: string): void {
  check(libc.chdir(cString(path)), "chdir", path);
}

/** Sets the file mode creation mask and returns the old one. */
export function setUmask(mask: number): number {
  return libc.umask(mask);
}

/** Becomes another program in the same process. Returns only when that failed: −errno. */
export function execute(
  path: string,
  argv: readonly string[],
  variables: ReadonlyMap<string, string>,
): number {
  const args = stringVector(argv);
  const env = stringVector(environmentBlock(variables));
  libc.execve(cString(path), args.pointers, env.pointers);
  const code = errno();
  // Named once more, so that the strings live until here.
  return args.strings.length + env.strings.length >= 0 ? -code : 0;
}

export interface SpawnRequest {
  readonly path: string;
  readonly argv: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
  /** `[ours, theirs]`: descriptors to give the child under a number. */
  readonly descriptors: readonly (readonly [number, number])[];
  /** Whether the child leads a session of its own. */
  readonly newSession: boolean;
}

/** Every signal there is; those that cannot be changed are passed over. */
const ALL_SIGNALS = Array.from({ length: 64 }, (_, i) => i + 1);

/** Starts a program with no signal blocked or ignored, which the runtime does to SIGPIPE; its pid. Throws Errno. */
export function spawn(request: SpawnRequest): number {
  const actions = new Uint8Array(SPAWN_ACTIONS_BYTES);
  const attributes = new Uint8Array(SPAWN_ATTRIBUTES_BYTES);
  const args = stringVector(request.argv);
  const env = stringVector(environmentBlock(request.environment));
  const pid = new Int32Array(1);
  libc.posix_spawn_file_actions_init(actions);
  libc.posix_spawnattr_init(attributes);
  for (const [ours, theirs] of request.descriptors) {
    libc.posix_spawn_file_actions_adddup2(actions, ours, theirs);
  }
  libc.posix_spawnattr_setsigmask(attributes, signalSet([]));
  libc.posix_spawnattr_setsigdefault(attributes, signalSet(ALL_SIGNALS));
  const session = request.newSession ? POSIX_SPAWN_SETSID : 0;
  const signals = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  libc.posix_spawnattr_setflags(attributes, signals | session);
  const code = libc.posix_spawn(
    new Uint8Array(pid.buffer),
    cString(request.path),
    actions,
    attributes,
    args.pointers,
    env.pointers,
  );
  libc.posix_spawn_file_actions_destroy(actions);
  libc.posix_spawnattr_destroy(attributes);
  // posix_spawn returns the error number itself.
  if (code !== 0 || args.strings.length + env.strings.length < 0) {
    throw new Errno(code, "posix_spawn", request.path);
  }
  return pid[0];
}

/** Waits for a child to end: its wait status, or −errno. `poll`: do not wait, 0 while it runs… see waitpid(2). */
export function waitForChild(pid: number, poll = false): { pid: number; status: number } {
  const status = new Int32Array(1);
  const result = libc.waitpid(pid, new Uint8Array(status.buffer), poll ? WNOHANG : 0);
  return { pid: result < 0 ? -errno() : result, status: status[0] };
}

/**
 * The same for a child that has ended, which stays what it is: its number is nobody else's, nor that of its group, until
 * waitForChild() is called. Nothing is waited for.
 */
export function peekChild(pid: number): { pid: number; status: number } {
  const info = new Uint8Array(SIGINFO.size);
  if (libc.waitid(P_PID, pid, info, WEXITED | WNOHANG | WNOWAIT) < 0) {
    return { pid: -errno(), status: 0 };
  }
  const view = new DataView(info.buffer);
  const status = view.getInt32(SIGINFO.at.si_status, true);
  const isExit = view.getInt32(SIGINFO.at.si_code, true) === CLD_EXITED;
  return {
    pid: view.getInt32(SIGINFO.at.si_pid, true),
    status: isExit ? status << 8 : status,
  };
}

/**
 * Scheduling before all ordinary processes, at a priority of 1 to 99, for this process but not for those it starts; 0 or −errno
 * (EPERM: wants CAP_SYS_NICE).
 */
export function scheduleRealtime(priority: number): number {
  const parameters = new Uint8Array(new Int32Array([priority]).buffer);
  return systemCall("sched_setscheduler", 0, SCHED_RR | SCHED_RESET_ON_FORK, parameters);
}

/** Lets others that wait for this processor go first. */
export function yieldProcessor(): void {
  systemCall("sched_yield");
}

/** A pipe, both ends closed by execve. Throws Errno. */
export function makePipe(): { read: number; write: number } {
  const ends = new Int32Array(2);
  check(libc.pipe2(new Uint8Array(ends.buffer), 0o2000000), "pipe2");
  return { read: ends[0], write: ends[1] };
}

/** kill(2); 0 or −errno. */
export function sendSignal(pid: number, signal: number): number {
  return libc.kill(pid, signal) < 0 ? -errno() : 0;
}

/** A descriptor that becomes readable when the process ends (Linux 5.3), or −errno. Closed by execve. */
export function openProcess(pid: number): number {
  return systemCall("pidfd_open", pid);
}

/** Signals exactly the process behind a pidfd, never a later one with its number; 0 or −errno. */
export function signalProcess(pidfd: number, signal: number): number {
  return systemCall("pidfd_send_signal", pidfd, signal);
}

/** Whether the process behind a pidfd has ended: a zombie has. */
export function hasEnded(pidfd: number): boolean {
  return pollDescriptor(pidfd, POLLIN, 0) > 0;
}

/** Raises the soft limit of open files to the hard one and returns what holds now. Throws Errno. */
export function raiseFileLimit(): number {
  const limit = new Uint8Array(RLIMIT.size);
  const view = new DataView(limit.buffer);
  const result = systemCall("prlimit64", 0, RLIMIT_NOFILE, 0, limit);
  if (result < 0) throw new Errno(-result, "prlimit64");
  const soft = Number(view.getBigUint64(RLIMIT.at.rlim_cur, true));
  const hard = Number(view.getBigUint64(RLIMIT.at.rlim_max, true));
  setU64(view, RLIMIT.at.rlim_cur, hard);
  return systemCall("prlimit64", 0, RLIMIT_NOFILE, limit) < 0 ? soft : hard;
}

/** The first member of struct passwd and struct group is the name. */
function nameAt(record: bigint): string | undefined {
  if (record === 0n) return undefined;
  const pointer = new DataView(readBytes(record, 8).buffer).getBigUint64(0, true);
  return readCString(pointer);
}

/** A user's name, or undefined where the database has none. */
export function userName(uid: number): string | undefined {
  return nameAt(libc.getpwuid(uid));
}

/** A group's name, or undefined where the database has none. */
export function groupName(gid: number): string | undefined {
  return nameAt(libc.getgrgid(gid));
}

/** Throws Errno. */
export function hostName(): string {
  const buffer = new Uint8Array(256);
  check(libc.gethostname(buffer, buffer.length), "gethostname");
  return new TextDecoder().decode(buffer.subarray(0, buffer.indexOf(0)));
}

/** Whether the descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  return libc.isatty(fd) === 1;
}
