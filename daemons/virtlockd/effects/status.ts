/** What `virtlockd status` shows: lockspaces, locks, owners, clients. */
import { toText } from "../../../src/wire/bytes.ts";
import {
  isAutocreated,
  isShared,
  type Lockspace,
  type Resource,
  resourcePath,
} from "../lockspace.ts";
import type { LockClient, LockService } from "./lock_service.ts";
import type { ServedClient, Server } from "./server.ts";

export interface ResourceStatus {
  readonly name: string;
  readonly path: string;
  readonly mode: "exclusive" | "shared";
  readonly autocreated: boolean;
  /** One entry for each grant; the name is that of a connected client which registered the pid. */
  readonly owners: readonly { readonly pid: number; readonly name: string | null }[];
  /** ISO 8601, UTC. */
  readonly since: string;
}

export interface LockspaceStatus {
  /** "" is the default lockspace, whose resources are full paths. */
  readonly directory: string;
  readonly resources: readonly ResourceStatus[];
}

export interface ClientStatus {
  readonly server: string;
  readonly id: number;
  readonly pid: number;
  readonly uid: number;
  readonly since: string;
  readonly owner: { readonly name: string; readonly pid: number; readonly uuid: string } | null;
  readonly restricted: boolean;
}

export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly sandbox: string;
  readonly lockspaces: readonly LockspaceStatus[];
  /** Processes that lost their connection while they held locks, and are being ended. */
  readonly dying: readonly number[];
  readonly clients: readonly ClientStatus[];
}

function ownerNames(clients: Iterable<LockClient>): Map<number, string> {
  const names = new Map<number, string>();
  for (const { owner } of clients) {
    if (owner !== undefined) names.set(owner.pid, toText(owner.name));
  }
  return names;
}

function resourceStatus(resource: Resource, names: ReadonlyMap<number, string>): ResourceStatus {
  return {
    name: toText(resource.name),
    path: toText(resourcePath(resource)),
    mode: isShared(resource) ? "shared" : "exclusive",
    autocreated: isAutocreated(resource),
    owners: resource.owners.map((pid) => ({ pid, name: names.get(pid) ?? null })),
    since: new Date(resource.sinceMs).toISOString(),
  };
}

function lockspaceStatus(
  lockspace: Lockspace,
  names: ReadonlyMap<number, string>,
): LockspaceStatus {
  return {
    directory: toText(lockspace.directory),
    resources: [...lockspace.resources.values()].map((resource) => resourceStatus(resource, names)),
  };
}

function clientStatus(
  server: string,
  client: ServedClient,
  lock: LockClient | undefined,
): ClientStatus {
  const { id, credentials, connectedAt } = client;
  const owner = lock?.owner;
  return {
    server,
    id,
    pid: credentials.pid,
    uid: credentials.uid,
    since: new Date(connectedAt * 1000).toISOString(),
    owner: owner === undefined
      ? null
      : { name: toText(owner.name), pid: owner.pid, uuid: owner.uuid.toHex() },
    restricted: lock?.restricted ?? false,
  };
}

/** A snapshot of everything. */
export function statusOf(
  lockService: LockService,
  lockServer: Server<LockClient>,
  adminServer: Server<ServedClient> | undefined,
  about: Pick<Status, "version" | "pid" | "sandbox">,
): Status {
  const lockClients = [...lockServer.clients.values()];
  const names = ownerNames(lockClients);
  return {
    ...about,
    lockspaces: [...lockService.machine.table.lockspaces()].map((item) =>
      lockspaceStatus(item, names)
    ),
    dying: [...lockService.holders.dying()].map(({ pid }) => pid),
    clients: [
      ...lockClients.map((client) => clientStatus(lockServer.name, client, client)),
      ...[...adminServer?.clients.values() ?? []].map((client) =>
        clientStatus("admin", client, undefined)
      ),
    ],
  };
}
