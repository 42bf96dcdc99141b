/** Starting a script, exactly as the original's cman_notify did. */
import { Errno } from "../../../ffi/errno.ts";
import { accessPath, X_OK } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { spawn } from "../../../ffi/process.ts";

/** asm-generic/errno-base.h: neither a program nor a `#!` line. */
const ENOEXEC = 8;
/** bash, which the original's shell was, interprets such a file itself. */
const SHELLS = ["/bin/bash", "/bin/sh"];

export interface ScriptRequest {
  readonly path: string;
  /** What stands in for argv[0]: cman_notify itself went by its bare name. */
  readonly calledAs: string;
  readonly environment: ReadonlyMap<string, string>;
  /** `[ours, theirs]`. */
  readonly descriptors: readonly (readonly [number, number])[];
  /** A session of its own, so that it can be ended with all that it started. */
  readonly newSession: boolean;
}

function spawnWith(request: ScriptRequest, path: string, argv: readonly string[]): number {
  const { environment, descriptors, newSession } = request;
  return spawn({ path, argv, environment, descriptors, newSession });
}

/** Starts a script; its pid. Throws Errno. */
export function spawnScript(request: ScriptRequest): number {
  const { path, calledAs } = request;
  try {
    return spawnWith(request, path, [calledAs]);
  } catch (error) {
    const shell = SHELLS.find((shell) => accessPath(cString(shell), X_OK) === 0);
    const isText = error instanceof Errno && error.code === ENOEXEC;
    if (!isText || shell === undefined) throw error;
    return spawnWith(request, shell, [shell, path]);
  }
}

/** waitpid(2): `exit 3` or `signal 9`. */
export function describeEnd(waitStatus: number): string {
  const signal = waitStatus & 0x7f;
  return signal === 0 ? `exit ${(waitStatus >> 8) & 0xff}` : `signal ${signal}`;
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
