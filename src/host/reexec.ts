/**
 * Becoming another program in the same process, with the same pid and, for locks by process, the same locks: execve(2).
 */
import { EACCES, Errno } from "../../ffi/errno.ts";
import {
  accessPath,
  closeDescriptor,
  O_CLOEXEC,
  O_RDONLY,
  openFile,
  readAt,
  setCloseOnExec,
  statDescriptor,
  status,
  X_OK,
} from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";
import { execute } from "../../ffi/process.ts";
import { ignoreSignal, setBlockedSignals } from "../../ffi/signal.ts";
import type { Program } from "./program.ts";

/** What is found at the path of a program: one that `deno compile` made, as all of ours are, or another. */
export type ProgramKind = "ours" | "other";

/** A compiled program ends in a trailer of 24 bytes that begins with this mark (seen in Deno 2.7.11's output). */
const MARK = "d3n0l4nd";
const TRAILER_BYTES = 24;

/** Throws Errno when the file is missing or may not be executed. */
export function programKind(path: string): ProgramKind {
  const executable = accessPath(cString(path), X_OK);
  if (executable < 0) throw new Errno(-executable, "execute", path);
  const fd = openFile(cString(path), O_RDONLY | O_CLOEXEC, 0);
  // Executable but not readable: a C daemon may be installed like that.
  if (fd === -EACCES) return "other";
  if (fd < 0) throw new Errno(-fd, "open", path);
  try {
    return endsInTrailer(fd, path) ? "ours" : "other";
  } finally {
    closeDescriptor(fd);
  }
}

/** Throws Errno: a file that cannot be read is not another program for that. */
function endsInTrailer(fd: number, path: string): boolean {
  const found = statDescriptor(fd);
  if (found < 0) throw new Errno(-found, "stat", path);
  const mark = new Uint8Array(MARK.length);
  if (status.size < TRAILER_BYTES) return false;
  const count = readAt(fd, mark, status.size - TRAILER_BYTES);
  if (count < 0) throw new Errno(-count, "read", path);
  return new TextDecoder().decode(mark) === MARK;
}

export interface Replacement {
  readonly program: Program;
  readonly kind: ProgramKind;
  /** Descriptors that the next program gets. */
  readonly descriptors: readonly number[];
  /** Signals that this daemon reads from a descriptor, and so has blocked. */
  readonly signals: readonly number[];
  /** Those of them that would end a program which has not set itself up yet, and may be lost instead. */
  readonly losable: readonly number[];
  /** Asked last of all, before another program's signals are unblocked: whether one came that counts for more. */
  readonly isCalledOff: () => boolean;
}

/**
 * Replaces this program. Returns only when the kernel refused, with −errno, or when it was called off, with 0; then everything is
 * as before.
 *
 * A program of ours blocks the same signals, so the mask stays and none is lost. Another expects none blocked; signals that
 * would kill it before it has its handlers are ignored until then.
 */
export function replaceProgram(replacement: Replacement): number {
  const { descriptors } = replacement;
  for (const fd of descriptors) setCloseOnExec(fd, false);
  const result = replacement.kind === "ours" ? become(replacement) : becomeOther(replacement);
  for (const fd of descriptors) setCloseOnExec(fd, true);
  return result;
}

function become({ program }: Replacement): number {
  return execute(program.path, [nameOf(program), ...program.args], program.environment);
}

function becomeOther(replacement: Replacement): number {
  const { signals, losable, isCalledOff } = replacement;
  if (isCalledOff()) return 0;
  for (const signal of losable) ignoreSignal(signal, true);
  setBlockedSignals([]);
  const result = become(replacement);
  setBlockedSignals(signals);
  for (const signal of losable) ignoreSignal(signal, false);
  return result;
}

/** A relative path would mean another file to the successor, since a daemon's working directory is not its starter's. */
function nameOf({ calledAs, path }: Program): string {
  return calledAs.includes("/") ? path : calledAs;
}
