/** `cmannotifyd status [--json]`: asks the running daemon and prints what it says. */
import { askDaemon } from "../../../src/host/control_client.ts";
import { formatTable } from "../../../src/host/table.ts";
import type { ScriptRun } from "./history.ts";
import type { NotificationStatus, Status } from "./status.ts";

const TITLES = ["NUMBER", "TIME", "NOTIFICATION", "QUORUM", "SCRIPT", "SECONDS", "ENDED"];

function rows(entry: NotificationStatus): string[][] {
  const { sequence, time, notification, quorate, done, scripts } = entry;
  const quorum = quorate === null ? "-" : quorate ? "1" : "0";
  const first = [String(sequence), time, notification, quorum];
  if (scripts.length === 0) return [[...first, "-", "-", done ? "-" : "begins"]];
  return scripts.map((run, i) => [
    ...(i === 0 ? first : ["", "", "", ""]),
    run.script,
    secondsOf(run),
    run.how === null ? "still runs" : `${run.how}${run.timedOut ? ", out of time" : ""}`,
  ]);
}

/** How long it ran, or has been running. */
function secondsOf({ ranMs, started }: ScriptRun): string {
  const milliseconds = ranMs ?? (started === null ? 0 : Date.now() - Date.parse(started));
  return (milliseconds / 1000).toFixed(3);
}

/** The text for people. */
export function statusText(status: Status): string {
  const { version, pid, sandbox, phase, cluster, quorate, members, queue } = status;
  const names = members.map(({ id, name }) => name === null ? String(id) : `${id} (${name})`);
  const table = status.notifications.flatMap(rows);
  return [
    `cmannotifyd ${version}, process ${pid}, sandbox: ${sandbox}`,
    phase === "up"
      ? `Cluster ${cluster}: ${quorate ? "quorate" : "not quorate"}, members ${names.join(", ")}`
      : `Not connected to corosync (${phase})`,
    `Queue: ${queue.length} of ${queue.limit}, at most ${queue.highWater} so far`,
    ...(table.length === 0 ? [] : ["", formatTable(TITLES, table).trimEnd()]),
    "",
  ].join("\n");
}

/** The text to print. Throws ExitError when no daemon answers. */
export function statusCommand(controlSocket: string, json: boolean): string {
  const answer = askDaemon(controlSocket, "status");
  return json ? `${answer}\n` : statusText(JSON.parse(answer) as Status);
}
