/** `dmfilemapd status [--json]`: asks every running daemon and prints what they say. */
import { ENOENT, Errno } from "../../../ffi/errno.ts";
import { directoryEntries } from "../../../ffi/filesystem.ts";
import { askDaemon } from "../../../src/host/control_client.ts";
import { EX_IOERR, EX_UNAVAILABLE, ExitError } from "../../../src/host/exit.ts";
import { formatTable } from "../../../src/host/table.ts";
import { controlSocketsIn, RUN_DIRECTORY } from "../places.ts";
import type { Status } from "./status.ts";

function socketPaths(): string[] {
  try {
    return controlSocketsIn(directoryEntries(RUN_DIRECTORY));
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    if (error.code === ENOENT) return [];
    throw new ExitError(EX_IOERR, error.message, { cause: error });
  }
}

/** A daemon that has just ended, or was killed, answers nothing. */
function askAll(): string[] {
  return socketPaths().flatMap((path) => {
    try {
      return [askDaemon(path, "status")];
    } catch (error) {
      if (error instanceof ExitError && error.code === EX_UNAVAILABLE) return [];
      throw error;
    }
  });
}

const TITLES = [
  ...["DEVICE", "GROUP", "NAME", "MODE", "EXTENTS", "REGIONS", "SEAMS"],
  ...["CARRIED", "UPDATES", "LAST", "WAITS", "PID", "FILE"],
];

function row(status: Status): string[] {
  const { carried, lastUpdateMs } = status;
  return [
    status.device,
    String(status.group),
    status.alias,
    status.mode,
    String(status.extents),
    String(status.regions),
    String(status.seams),
    carried === null ? "-" : `r ${carried.sectorsRead} w ${carried.sectorsWritten}`,
    String(status.updates),
    lastUpdateMs === null ? "-" : `${lastUpdateMs.toFixed(1)}ms`,
    status.waits.join(","),
    String(status.pid),
    `${status.path}${status.unlinked ? " (unlinked)" : ""}${
      status.shortage === null ? "" : ` (short of ${status.shortage})`
    }`,
  ];
}

/** The text to print. Throws ExitError when no daemon answers. */
export function statusCommand(json: boolean): string {
  const answers = askAll();
  if (json) return `[${answers.join(",")}]\n`;
  if (answers.length === 0) throw new ExitError(EX_UNAVAILABLE, "no dmfilemapd runs");
  return formatTable(TITLES, answers.map((answer) => row(JSON.parse(answer) as Status)));
}
