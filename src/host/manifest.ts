/**
 * The shape of a daemon's manifest: the one list of what it is, what it takes and what it may do.
 *
 * Data only. From it are derived: the compile flags, the sandbox (capabilities, Landlock, seccomp), the systemd units,
 * the tables of the man page, the completions and the command line itself.
 */

/** One command-line option, in GNU getopt_long terms. */
export interface OptionSpec {
  readonly long: string;
  readonly short?: string;
  /** Name of the argument as shown in the help, absent when the option takes none. */
  readonly argument?: string;
  readonly help: string;
  /** True for an option that the original daemon lacks: it must be spelled in full, so that every
   * abbreviation that worked with the original keeps its meaning. */
  readonly extension?: boolean;
}

/** A word of the command line that is no option, in its place. */
export interface OperandSpec {
  readonly name: string;
  readonly help: string;
  /** It may be left out, as then must be those behind it. */
  readonly optional?: boolean;
}

/** A subcommand of the binary, such as `status`, which talks to the running daemon. */
export interface CommandSpec {
  readonly name: string;
  readonly help: string;
  readonly options?: readonly OptionSpec[];
}

export interface ConfigKeySpec {
  readonly name: string;
  readonly type: "uint" | "string";
  /** The default, as a reader of the man page wants to see it. */
  readonly default: string;
  readonly help: string;
}

export interface ExitCodeSpec {
  readonly code: number;
  readonly meaning: string;
}

/** A file the documentation names. `session` is its place when not run as root, if it differs. */
export interface FileSpec {
  readonly path: string;
  readonly session?: string;
  readonly purpose: string;
}

/** A socket that systemd may hand over; `name` is its FileDescriptorName. */
export interface SocketSpec {
  readonly name: string;
  readonly path: string;
  readonly mode: string;
  readonly summary: string;
}

/**
 * What may be done below a path, in Landlock's terms grouped as a reader thinks:
 * read (files and directories), write (existing files), create (make and remove regular files, make directories),
 * socket (make and remove sockets), remove (regular files and directories), execute.
 */
export type PathRight = "read" | "write" | "create" | "socket" | "remove" | "execute";

/** `path` may begin with `$run`, `$config`, `$cache`, `$log` or `$program` (the program's own directory). */
export interface PathGrant {
  readonly path: string;
  readonly rights: readonly PathRight[];
  readonly why: string;
}

export interface CapabilityGrant {
  readonly name: string;
  readonly why: string;
}

/**
 * System calls beyond those every Deno program needs (src/host/runtime_syscalls.ts). `socket(AF_…)` adds an address family; `kill(0)` asks
 * whether any process is there, and sends nothing.
 */
export interface SyscallGrant {
  readonly names: readonly string[];
  readonly why: string;
}

/** A bound on something, with its unit and what happens when it is reached. */
export interface LimitSpec {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly reached: string;
}

/** A directive of a unit, and why it is (or is not) set. */
export interface DirectiveSpec {
  readonly directive: string;
  readonly why: string;
}

/** A process of the same program that is no part of the service, nor under its restrictions: one for each connection. */
export interface HelperSpec {
  /** Of NAME.socket and NAME@.service. */
  readonly name: string;
  readonly description: string;
  /** Where the daemon finds it, as sequenced packets. Descriptor 3 of the helper is the connection. */
  readonly path: string;
  /** Those of the daemon, by which it knows where it is. */
  readonly daemonArguments: string;
  /** Those of the helper. */
  readonly helperArguments: string;
  /** Behind them it is told what an administrator tells the daemon, too. */
  readonly sharesArguments?: true;
  /** The daemon does without it if need be. */
  readonly optional?: true;
  readonly directives: readonly DirectiveSpec[];
}

export interface UnitSpec {
  readonly description: string;
  readonly documentation: readonly string[];
  readonly after: readonly string[];
  readonly before: readonly string[];
  /** Without which the service is not started: directives of the [Unit] section. */
  readonly conditions?: readonly DirectiveSpec[];
  readonly helper?: HelperSpec;
  /** `$MAINPID` is available; absent when a reload means nothing to the daemon. */
  readonly execReload?: string;
  readonly environmentFiles: readonly string[];
  readonly argumentsVariable?: string;
  readonly limitNofile?: number;
  readonly oomScoreAdjust?: number;
  /** Hardening directives that the derivation cannot know, with the reason each is (or is not) set. */
  readonly hardening: readonly DirectiveSpec[];
}

export interface Manifest {
  readonly name: string;
  readonly summary: string;
  readonly description: readonly string[];
  /** Absent where a daemon takes none. */
  readonly operands?: readonly OperandSpec[];
  readonly options: readonly OptionSpec[];
  readonly commands: readonly CommandSpec[];
  readonly configKeys: readonly ConfigKeySpec[];
  readonly environment: readonly { readonly name: string; readonly help: string }[];
  readonly exitCodes: readonly ExitCodeSpec[];
  readonly signals: readonly { readonly name: string; readonly help: string }[];
  readonly files: readonly FileSpec[];
  readonly sockets: readonly SocketSpec[];
  readonly limits: readonly LimitSpec[];
  /** Absent where the daemon is not started by the service manager. */
  readonly unit?: UnitSpec;
  /** Shared libraries, by soname, that ffi/ may open. */
  readonly libraries: readonly string[];
  /** Set, with the reason, where callbacks from C force `--allow-ffi` without a list. */
  readonly ffiUnscoped?: string;
  /** Flags beyond those of tasks/build.ts that every daemon gets. */
  readonly v8Flags: readonly string[];
  readonly paths: readonly PathGrant[];
  readonly capabilities: readonly CapabilityGrant[];
  readonly syscalls: readonly SyscallGrant[];
  /**
   * What a system call outside the list meets. "kill" ends the process; "errno" answers EPERM, for a daemon
   * whose filter outlives an execve into a program that is not ours (see the daemon's DESIGN.md).
   */
  readonly otherSyscalls: "kill" | "errno";
}
