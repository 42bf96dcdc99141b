/** `mdmpd status [--json]`: asks the running daemon and prints what it says. */
import { askDaemon } from "../../../src/host/control_client.ts";
import { formatTable } from "../../../src/host/table.ts";
import type { ArrayStatus, PathStatus, Status } from "./status.ts";

const TITLES = ["ARRAY", "PATH", "SLOT", "STATE", "FAILED SINCE", "NEXT CHECK", "CHECKS", "FOUND"];

function next({ nextCheckInSeconds }: PathStatus): string {
  return nextCheckInSeconds === null ? "-" : `${nextCheckInSeconds} s`;
}

function row({ device }: ArrayStatus, path: PathStatus): string[] {
  const state = path.phase === "active" && path.failedSince !== null ? "suspect" : path.phase;
  return [
    device,
    path.device,
    path.slot === null ? "-" : String(path.slot),
    path.lost ? `${state}, lost` : state,
    path.failedSince ?? "-",
    next(path),
    String(path.checks),
    path.finding === "" ? "-" : path.finding,
  ];
}

function arrayLine({ device, personality, metadata, state, working, slots }: ArrayStatus): string {
  return `${device}: ${personality}, metadata ${metadata}, ${state}, ${working} of ${slots} paths work`;
}

/** The text for people. */
export function statusText({ version, pid, sandbox, trouble, dryRun, arrays }: Status): string {
  const rows = arrays.flatMap((array) => array.paths.map((path) => row(array, path)));
  return [
    `mdmpd ${version}, process ${pid}, sandbox: ${sandbox}${dryRun ? ", dry run" : ""}`,
    ...(trouble === "" ? [] : [trouble]),
    "",
    `Arrays: ${arrays.length}`,
    ...arrays.map(arrayLine),
    ...(rows.length === 0 ? [] : ["", formatTable(TITLES, rows).trimEnd()]),
    "",
  ].join("\n");
}

/** The text to print. Throws ExitError when no daemon answers. */
export function statusCommand(controlSocket: string, json: boolean): string {
  const answer = askDaemon(controlSocket, "status");
  return json ? `${answer}\n` : statusText(JSON.parse(answer) as Status);
}
