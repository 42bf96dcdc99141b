/** `virtlockd status [--json]`: asks the running daemon and prints what it says. */
import { askDaemon } from "../../../src/host/control_client.ts";
import { printable } from "../../../src/host/printable.ts";
import { formatTable } from "../../../src/host/table.ts";
import type { ClientStatus, LockspaceStatus, Status } from "./status.ts";

function lockRows(lockspaces: readonly LockspaceStatus[]): string[][] {
  return lockspaces.flatMap(({ directory, resources }) =>
    resources.map((resource) => [
      directory === "" ? "(default)" : directory,
      resource.name,
      resource.mode,
      resource.owners.map(({ pid, name }) => name === null ? String(pid) : `${pid} (${name})`).join(
        ", ",
      ),
      resource.since,
    ])
  );
}

function clientRow(client: ClientStatus): string[] {
  const { server, id, pid, uid, owner, restricted, since } = client;
  const registered = owner === null ? "-" : `${owner.pid} (${owner.name})`;
  return [
    server,
    String(id),
    String(pid),
    String(uid),
    registered,
    restricted ? "yes" : "no",
    since,
  ];
}

/** The tables for people. */
export function statusText(status: Status): string {
  const { version, pid, sandbox, lockspaces, dying, clients } = status;
  const locks = lockRows(lockspaces);
  const empty = lockspaces.filter(({ directory, resources }) =>
    directory !== "" && resources.length === 0
  ).map(({ directory }) => printable(directory));
  return [
    `virtlockd ${version}, process ${pid}, sandbox: ${sandbox}`,
    "",
    `Locks: ${locks.length}`,
    ...(locks.length === 0
      ? []
      : [formatTable(["LOCKSPACE", "RESOURCE", "MODE", "OWNERS", "SINCE"], locks).trimEnd()]),
    ...(empty.length === 0 ? [] : [`Lockspaces without locks: ${empty.join(", ")}`]),
    ...(dying.length === 0 ? [] : [`Holders being ended: ${dying.join(", ")}`]),
    "",
    `Clients: ${clients.length}`,
    ...(clients.length === 0 ? [] : [
      formatTable(
        ["SERVER", "ID", "PID", "UID", "REGISTERED", "RESTRICTED", "SINCE"],
        clients.map(clientRow),
      )
        .trimEnd(),
    ]),
    "",
  ].join("\n");
}

/** The text to print. Throws ExitError when no daemon answers. */
export function statusCommand(controlSocket: string, json: boolean): string {
  const answer = askDaemon(controlSocket, "status");
  return json ? `${answer}\n` : statusText(JSON.parse(answer) as Status);
}
