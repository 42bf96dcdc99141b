/**
 * Which program this is: how it was called, where its file is, in which environment. Read once, at the start, while relative
 * names still mean what they meant to the caller.
 */
import { accessPath, X_OK } from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";
import { commandLine, environment, workingDirectory } from "../../ffi/process.ts";

export interface Program {
  /** The name it was called by, as typed. */
  readonly calledAs: string;
  /** The absolute path behind that name, symbolic links left as they are, so that a replaced file is found. */
  readonly path: string;
  /** The arguments, without the name. */
  readonly args: readonly string[];
  /** A copy that may be changed; execve gets what is left. */
  readonly environment: Map<string, string>;
}

function searchPath(name: string, path: string): string | undefined {
  return path.split(":").map((directory) => `${directory || "."}/${name}`)
    .find((candidate) => accessPath(cString(candidate), X_OK) === 0);
}

/** What a path means to the caller, for a daemon that leaves its starter's directory. Throws Errno where that is gone. */
export function absolute(path: string): string {
  return path.startsWith("/") ? path : `${workingDirectory()}/${path}`;
}

/** The directory of an absolute path. */
export function dirname(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/** Throws Errno where /proc is not mounted. */
export function thisProgram(): Program {
  const [calledAs, ...args] = commandLine();
  const variables = environment();
  const found = calledAs.includes("/")
    ? calledAs
    : searchPath(calledAs, variables.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin");
  const path = absolute(found ?? "/proc/self/exe");
  return { calledAs, path, args, environment: variables };
}
