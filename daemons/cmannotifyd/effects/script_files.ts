/** The scripts that are there now. */
import { type ByteString, toReversibleText } from "../../../src/wire/bytes.ts";
import { ENOENT, Errno } from "../../../ffi/errno.ts";
import { accessPath, isDirectory, statPath, status, X_OK } from "../../../ffi/file.ts";
import { directoryEntries } from "../../../ffi/filesystem.ts";
import { cString } from "../../../ffi/memory.ts";
import type { Reason } from "../notification.ts";
import type { RunnerSettings } from "../runner_protocol.ts";
import { eventDirectory, scriptNames } from "../script.ts";

/** `test -x` of what is no directory, through symbolic links. */
function isProgram(path: string): boolean {
  const bytes = cString(path);
  return statPath(bytes) === 0 && !isDirectory(status.mode) && accessPath(bytes, X_OK) === 0;
}

function entriesOf(directory: string): ByteString[] {
  try {
    return directoryEntries(directory);
  } catch (error) {
    if (error instanceof Errno && error.code === ENOENT) return [];
    throw error;
  }
}

/** The scripts of a directory, in the order they run; none where there is no directory. Throws Errno where it cannot be read. */
function scriptsIn(directory: string): string[] {
  return scriptNames(entriesOf(directory))
    .map((name) => `${directory}/${toReversibleText(name)}`)
    .filter(isProgram);
}

/** What is to be run for a notification: paths as reversible text. `unreadable`: told of a directory that cannot be read, once for each. */
export function findScripts(
  settings: RunnerSettings,
  reason: Reason,
  unreadable: (error: Errno) => void,
): string[] {
  const substitute = settings.substitutes.find(isProgram);
  if (substitute !== undefined) return [substitute];
  const { directory, eventDirectories } = settings;
  const own = eventDirectories ? [`${directory}/${eventDirectory(reason)}`] : [];
  return [directory, ...own].flatMap((one) => {
    try {
      return scriptsIn(one);
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
      unreadable(error);
      return [];
    }
  });
}
