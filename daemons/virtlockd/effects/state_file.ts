/** The state file that a predecessor in this very process left, or that this one leaves. */
import { ENOENT, Errno } from "../../../ffi/errno.ts";
import { readWholeFile, renameFile, unlinkPath, writeWholeFile } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { processId } from "../../../ffi/process.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { logger } from "../../../src/host/log.ts";
import { decodeHandover, handoverMagic, type HandoverState, parseHandover } from "../handover.ts";
import { STATE_LIMIT_BYTES } from "../limits.ts";
import { checkDescriptors } from "./handover.ts";

/** State that cannot be taken over, or a pid file that is held by somebody else when it is. */
export const EXIT_STATE = 3;

/**
 * Reads the state file and removes it; undefined when there is none for this process. That of another process is left where it
 * is: that one may be in the middle of a re-exec. Throws ExitError when it cannot be taken over: then nothing of it was.
 */
export function takeState(path: string): HandoverState | undefined {
  let isOurs = true;
  try {
    const bytes = readState(path);
    const json = bytes && parseHandover(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    isOurs = json !== undefined && isLeftByUs(path, json);
    return isOurs ? decodeState(json) : undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new ExitError(EXIT_STATE, `cannot take over the state in "${path}": ${reason}`);
  } finally {
    if (isOurs) removeState(path);
  }
}

function readState(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return readWholeFile(path, STATE_LIMIT_BYTES);
  } catch (error) {
    if (error instanceof Errno && error.code === ENOENT) return undefined;
    throw error;
  }
}

function isLeftByUs(path: string, json: unknown): boolean {
  const magic = handoverMagic(json);
  if (magic === String(processId())) return true;
  const log = logger("locking", "lock_daemon");
  log.warn(
    'the state in "{path}" was left by process {magic}, not by this one: starting afresh',
    { path, magic },
  );
  return false;
}

function decodeState(json: unknown): HandoverState {
  const state = decodeHandover(json);
  checkDescriptors(state);
  return state;
}

/** Removes the state file, if there is one: that of another process when it is sure that nobody waits for it. */
export function removeState(path: string): void {
  unlinkPath(cString(path));
}

/**
 * Leaves the state to a successor in this process: whole or not at all, since a part of it would keep the next daemon from
 * starting. Throws Errno.
 */
export function leaveState(path: string, state: Uint8Array<ArrayBuffer>): void {
  const unfinished = `${path}.new`;
  try {
    writeWholeFile(unfinished, state, 0o600);
    renameFile(unfinished, path);
  } finally {
    unlinkPath(cString(unfinished));
  }
}
