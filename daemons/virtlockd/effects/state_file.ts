/** The state file that a predecessor in this very process left, or that this one leaves. */
import { ENOENT } from "../../../ffi/errno.ts";
import {
  readWholeFile,
  renameFile,
  statPath,
  unlinkPath,
  writeWholeFile,
} from "../../../ffi/file.ts";
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
 * Reads and removes the state file; undefined when there is none for this process. Throws ExitError when it cannot be taken
 * over: then nothing of it was.
 */
export function takeState(path: string): HandoverState | undefined {
  try {
    const bytes = readAndRemove(path);
    return bytes && decodeState(path, new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new ExitError(EXIT_STATE, `cannot take over the state in "${path}": ${reason}`);
  }
}

function readAndRemove(path: string): Uint8Array<ArrayBuffer> | undefined {
  if (statPath(cString(path)) === -ENOENT) return undefined;
  try {
    return readWholeFile(path, STATE_LIMIT_BYTES);
  } finally {
    unlinkPath(cString(path));
  }
}

function decodeState(path: string, text: string): HandoverState | undefined {
  const json = parseHandover(text);
  const magic = handoverMagic(json);
  if (magic !== String(processId())) {
    const log = logger("locking", "lock_daemon");
    log.warn(
      'the state in "{path}" was left by process {magic}, not by this one: starting afresh',
      { path, magic },
    );
    return undefined;
  }
  const state = decodeHandover(json);
  checkDescriptors(state);
  return state;
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
