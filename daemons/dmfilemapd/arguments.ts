/**
 * The command line: `FD GROUP_ID ABS_PATH MODE FOREGROUND [VERBOSE]`, checked in the original's order and with its texts
 * (lvm2 2.03.16, daemons/dmfilemapd), or one of the words that are ours.
 *
 * Numbers are read as strtol(3) and strtoull(3) read them: blanks in front, a sign, decimal digits to the end; "" is 0.
 */

export type FollowMode = "inode" | "path";

/** What is to be followed, as dmstats passes it. */
export interface FollowArguments {
  readonly fd: number;
  /** Up to 2^64 − 1; the kernel's ids fit an int, so larger ones name no group. */
  readonly groupId: bigint;
  readonly path: string;
  readonly mode: FollowMode;
  readonly foreground: boolean;
  /** 0 to 3. */
  readonly verbose: number;
}

export type Request =
  | { readonly kind: "follow"; readonly follow: FollowArguments; readonly sandbox: boolean }
  | { readonly kind: "help" | "version" | "check-config" }
  | { readonly kind: "status"; readonly json: boolean }
  /** `lines` for standard error. `usage`: of a command that is ours, whose exit code tells a wrong use from a failure. */
  | { readonly kind: "wrong"; readonly lines: readonly string[]; readonly usage: boolean };

const USAGE = "usage: dmfilemapd <fd> <group_id> <abs_path> <mode> [<foreground>[<log_level>]]";
const ARGUMENTS_MIN = 5;
const VERBOSE_MAX = 3;

const INTEGER = /^[ \t\n\v\f\r]*([+-]?)([0-9]+)$/;
const LONG_MAX = 2n ** 63n - 1n;
const ULONG_MAX = 2n ** 64n - 1n;

class Wrong extends Error {}

/** Sign and magnitude, or undefined where not the whole text is a number. */
function integer(text: string): bigint | undefined {
  if (text === "") return 0n;
  const match = INTEGER.exec(text);
  if (match === null) return undefined;
  return match[1] === "-" ? -BigInt(match[2]) : BigInt(match[2]);
}

/** strtol, then a cast to int. */
function parseInt32(text: string, complaint: string): number {
  const value = integer(text);
  if (value === undefined || value > LONG_MAX || value < -LONG_MAX - 1n) throw new Wrong(complaint);
  return Number(BigInt.asIntN(32, value));
}

/** strtoull, which takes a minus sign and wraps. */
function parseUint64(text: string, complaint: string): bigint {
  const value = integer(text);
  if (value === undefined || value > ULONG_MAX || value < -ULONG_MAX) throw new Wrong(complaint);
  return BigInt.asUintN(64, value);
}

function parsePath(text: string): string {
  if (text === "") throw new Wrong("Path argument is required.");
  if (!text.startsWith("/")) throw new Wrong("Path argument must specify an absolute path.");
  return text;
}

function parseMode(text: string): FollowMode {
  if (text === "") throw new Wrong("Mode argument is required.");
  if (text === "inode" || text === "path") return text;
  throw new Wrong(`Could not parse dmfilemapd mode: ${text}`);
}

function parseVerbose(text: string): number {
  const value = parseInt32(text, `Could not parse verbose argument: ${text}`);
  if (value >= 0 && value <= VERBOSE_MAX) return value;
  throw new Wrong(`Verbose argument out of range: ${value}.`);
}

/** The six words; what follows them is ignored. Throws Wrong. */
function parseFollow(words: readonly string[]): FollowArguments {
  const [fd, group, path, mode, foreground, verbose = ""] = words;
  return {
    fd: parseInt32(fd, `Could not parse file descriptor: ${fd}`),
    groupId: parseUint64(group, `Could not parse group identifier: ${group}`),
    path: parsePath(path),
    mode: parseMode(mode),
    foreground: parseInt32(foreground, `Could not parse debug argument: ${foreground}.`) !== 0,
    verbose: parseVerbose(verbose),
  };
}

function wrong(...lines: string[]): Request {
  return { kind: "wrong", lines, usage: false };
}

function parseStatus(words: readonly string[]): Request {
  const unknown = words.find((word) => word !== "--json");
  if (unknown !== undefined) {
    const lines = [`status does not take "${unknown}": status [--json]`];
    return { kind: "wrong", lines, usage: true };
  }
  return { kind: "status", json: words.length > 0 };
}

/** Reads the arguments, the program's name not among them. Total: whatever was typed gives a request. */
export function parseArguments(argv: readonly string[]): Request {
  const [first] = argv;
  if (first === "--help" || first === "--version" || first === "--check-config") {
    return { kind: first.slice(2) as "help" | "version" | "check-config" };
  }
  if (first === "status") return parseStatus(argv.slice(1));
  const sandbox = first !== "--no-sandbox";
  const words = sandbox ? argv : argv.slice(1);
  if (words.length < ARGUMENTS_MIN) return wrong("Wrong number of arguments.", USAGE);
  try {
    return { kind: "follow", follow: parseFollow(words), sandbox };
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    return wrong(error.message);
  }
}
