/** `cmirrord status [--json]`: asks the running daemon and prints what it says. */
import { askDaemon } from "../../../src/host/control_client.ts";
import { formatTable } from "../../../src/host/table.ts";
import type { MirrorStatus, Status } from "./status.ts";

const TITLES = ["MIRROR", "STATE", "LOG", "IN SYNC", "MARKS", "RECOVERY", "MEMBERS", "SERVER"];

function progress({ inSync, regions }: MirrorStatus): string {
  const percent = regions === 0 ? 100 : Math.floor(100 * inSync / regions);
  return `${inSync}/${regions} (${percent} %)`;
}

function marks({ marks, orphanMarks }: MirrorStatus): string {
  const parts = marks.map(({ node, regions }) => `${node}: ${regions}`);
  if (orphanMarks > 0) parts.push(`gone: ${orphanMarks}`);
  return parts.join(", ") || "-";
}

function row(mirror: MirrorStatus): string[] {
  const { uuid, phase, resumed, log, recoveries, members, server } = mirror;
  return [
    uuid,
    phase === "valid" && !resumed ? "joined" : phase,
    log,
    progress(mirror),
    marks(mirror),
    recoveries.map(({ region, node }) => `${region} by ${node}`).join(", ") || "-",
    members.join(" ") || "-",
    server === null ? "-" : String(server),
  ];
}

/** The text for people. */
export function statusText({ version, pid, sandbox, node, quorum, mirrors }: Status): string {
  return [
    `cmirrord ${version}, process ${pid}, sandbox: ${sandbox}`,
    node === 0 ? "Corosync was not reached yet" : `Node ${node}, quorum: ${quorum}`,
    `Mirrors: ${mirrors.length}`,
    ...(mirrors.length === 0 ? [] : ["", formatTable(TITLES, mirrors.map(row)).trimEnd()]),
    "",
  ].join("\n");
}

/** The text to print. Throws ExitError when no daemon answers. */
export function statusCommand(controlSocket: string, json: boolean): string {
  const answer = askDaemon(controlSocket, "status");
  return json ? `${answer}\n` : statusText(JSON.parse(answer) as Status);
}
