/**
 * The state that outlives a re-exec, as JSON. Pure: text ↔ state.
 *
 * The layout is libvirt's own, so that the C daemon and ours can follow each other in a running system. What the C daemon has
 * no place for stands under one further key, `hostkeep`, which it ignores.
 */
import * as v from "valibot";
import { type ByteString, fromText, toText } from "../../src/wire/bytes.ts";
import {
  type Extra,
  STATE,
  type WireLockPrivate,
  type WireResource,
  type WireServer,
  type WireSocket,
  type WireState,
} from "./handover_schema.ts";

/** A listening socket. */
export interface ListenerState {
  readonly fd: number;
  /** Whether the socket file is removed at the end: not when systemd made it. */
  readonly unlink: boolean;
}

/** Who a client registered as. */
export interface OwnerState {
  readonly uuid: string;
  readonly name: ByteString;
  readonly id: number;
  readonly pid: number;
}

export interface ClientState {
  readonly id: number;
  readonly connectedAtS: number;
  readonly fd: number;
  /** Lock service only. */
  readonly owner?: OwnerState | undefined;
  readonly restricted: boolean;
}

export interface ServerState {
  readonly priorityWorkers: number;
  readonly maxClients: number;
  readonly maxAnonymousClients: number;
  readonly nextClientId: number;
  readonly listeners: readonly ListenerState[];
  readonly clients: readonly ClientState[];
}

export interface ResourceState {
  readonly name: ByteString;
  readonly fd: number;
  readonly flags: number;
  readonly owners: readonly number[];
}

export interface LockspaceState {
  /** "" is the default lockspace. */
  readonly directory: ByteString;
  readonly resources: readonly ResourceState[];
}

export interface HandoverState {
  readonly pid: number;
  readonly lock: ServerState;
  readonly admin: ServerState | undefined;
  /** The default lockspace first. */
  readonly lockspaces: readonly LockspaceState[];
  readonly extra: Extra | undefined;
}

/** Thrown for state that cannot be taken over; the message names the place in it. */
export class HandoverError extends Error {
  override name = "HandoverError";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Files of libvirt 1.2.x have one server, in one of three places. */
function modernized(state: unknown): unknown {
  if (!isObject(state)) return state;
  if (state.daemon === undefined && state.server !== undefined) {
    return { ...state, daemon: { servers: { virtlockd: state.server } } };
  }
  if (!isObject(state.daemon)) return state;
  const { servers } = state.daemon;
  if (servers === undefined) return { ...state, daemon: { servers: { virtlockd: state.daemon } } };
  if (!Array.isArray(servers) || servers.length !== 1) return state;
  return { ...state, daemon: { servers: { virtlockd: servers[0] } } };
}

/** The pid that wrote a state, without looking at the rest. Throws HandoverError. */
export function handoverMagic(state: unknown): string {
  if (!isObject(state)) throw new HandoverError("the state is not a JSON object");
  if (typeof state.magic !== "string") throw new HandoverError("magic: expected a string");
  return state.magic;
}

/** Parses JSON. Throws HandoverError. */
export function parseHandover(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HandoverError(`not JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** Reads a parsed state, whole or not at all. Throws HandoverError naming the place. */
export function decodeHandover(json: unknown): HandoverState {
  const result = v.safeParse(STATE, modernized(json), { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw new HandoverError(`${v.getDotPath(issue) ?? "state"}: ${issue.message}`);
  }
  const state = stateOf(result.output);
  checkHandover(state);
  return state;
}

function stateOf(wire: WireState): HandoverState {
  const { servers } = wire.daemon;
  const names = new Map(wire.hostkeep?.names ?? []);
  const directories = new Map(wire.hostkeep?.directories ?? []);
  const resources = (list: readonly WireResource[]) => list.map((item) => resourceOf(item, names));
  const named = wire.lockspaces.map((lockspace, i) => ({
    directory: exact(directories.get(i), lockspace.directory),
    resources: resources(lockspace.resources),
  }));
  return {
    pid: Number(wire.magic),
    lock: serverOf(servers.virtlockd, names),
    admin: servers.admin === undefined ? undefined : serverOf(servers.admin, names),
    lockspaces: [
      { directory: "", resources: resources(wire.defaultLockspace.resources) },
      ...named,
    ],
    extra: wire.hostkeep,
  };
}

/** A name's bytes: those kept in base64, else the text's. */
function exact(base64: string | undefined, text: string): ByteString {
  return base64 === undefined ? fromText(text) : atob(base64);
}

function resourceOf(wire: WireResource, names: ReadonlyMap<number, string>): ResourceState {
  const { fd, flags, owners } = wire;
  return { name: exact(names.get(fd), wire.name), fd, flags, owners };
}

function serverOf(wire: WireServer, names: ReadonlyMap<number, string>): ServerState {
  // Clients of files without numbers (1.2.x) get new ones, and nobody gets one of theirs later.
  let nextId = wire.clients.reduce(
    (next, { id = -1 }) => Math.max(next, id + 1),
    wire.next_client_id,
  );
  const clients = wire.clients.map((client) => ({
    id: client.id ?? nextId++,
    connectedAtS: client.conn_time,
    fd: client.sock.fd,
    ...lockPrivate(client.privateData, names.get(client.sock.fd)),
  }));
  return {
    priorityWorkers: wire.priority_workers,
    maxClients: wire.max_clients,
    maxAnonymousClients: wire.max_anonymous_clients ?? wire.max_clients,
    nextClientId: nextId,
    listeners: wire.services.flatMap(({ socks }) =>
      socks.map(({ fd, unlinkUNIX, isClient }) => ({ fd, unlink: unlinkUNIX ?? !isClient }))
    ),
    clients,
  };
}

/** The registration in a client's private data. Id 0 stands for a client that did not register. */
function lockPrivate(
  data: object,
  name: string | undefined,
): Pick<ClientState, "owner" | "restricted"> {
  if (!("ownerId" in data)) return { restricted: false };
  const { restricted, ownerId, ownerPid, ownerName, ownerUUID } = data as WireLockPrivate;
  if (ownerId === 0) return { restricted };
  const uuid = ownerUUID.replace(/[\s-]/g, "").toLowerCase();
  return { restricted, owner: { uuid, name: exact(name, ownerName), id: ownerId, pid: ownerPid } };
}

function descriptorsOf(state: HandoverState): number[] {
  return [state.lock, state.admin].flatMap((server) => [
    ...(server?.listeners ?? []).map(({ fd }) => fd),
    ...(server?.clients ?? []).map(({ fd }) => fd),
  ]).concat(
    state.lockspaces.flatMap(({ resources }) => resources.map(({ fd }) => fd)),
    (state.extra?.parked ?? []).flatMap(([, fds]) => fds),
    state.extra?.pidFile ?? [],
  );
}

function duplicateOf<T>(items: readonly T[]): T | undefined {
  const seen = new Set<T>();
  return items.find((item) => seen.has(item) || !seen.add(item));
}

/** What a schema cannot say. Throws HandoverError. */
function checkHandover(state: HandoverState): void {
  const fd = duplicateOf(descriptorsOf(state));
  if (fd !== undefined) throw new HandoverError(`descriptor ${fd} is used twice`);
  for (const server of [state.lock, state.admin]) {
    const id = duplicateOf((server?.clients ?? []).map((client) => client.id));
    if (id !== undefined) throw new HandoverError(`client ${id} is there twice`);
  }
  const directory = duplicateOf(state.lockspaces.map((lockspace) => lockspace.directory));
  if (directory !== undefined) {
    throw new HandoverError(`lockspace "${toText(directory)}" is there twice`);
  }
  for (const { directory, resources } of state.lockspaces) {
    const name = duplicateOf(resources.map((resource) => resource.name));
    if (name !== undefined) {
      throw new HandoverError(
        `resource "${toText(name)}" of lockspace "${toText(directory)}" is there twice`,
      );
    }
  }
}

/** Writes a state for the next program. */
export function encodeHandover(state: HandoverState): string {
  const [defaultLockspace, ...named] = state.lockspaces;
  const servers = {
    ...(state.admin === undefined ? {} : { admin: wireServer(state.admin, () => ({})) }),
    virtlockd: wireServer(state.lock, wireLockPrivate),
  };
  return JSON.stringify({
    daemon: { servers },
    defaultLockspace: { resources: wireResources(defaultLockspace) },
    lockspaces: named.map((lockspace) => ({
      directory: toText(lockspace.directory),
      resources: wireResources(lockspace),
    })),
    magic: String(state.pid),
    ...(state.extra === undefined ? {} : { hostkeep: state.extra }),
  });
}

function wireSocket(
  fd: number,
  isClient: boolean,
  unlinkUNIX: boolean,
): WireSocket {
  return { fd, errfd: -1, pid: 0, isClient, unlinkUNIX };
}

function wireServer(server: ServerState, privateData: (client: ClientState) => object): object {
  return {
    min_workers: 0,
    max_workers: 0,
    priority_workers: server.priorityWorkers,
    max_clients: server.maxClients,
    max_anonymous_clients: server.maxAnonymousClients,
    keepaliveInterval: 0xffff_ffff,
    keepaliveCount: 0,
    next_client_id: server.nextClientId,
    services: server.listeners.map(({ fd, unlink }) => ({
      auth: 0,
      readonly: false,
      nrequests_client_max: 1,
      socks: [wireSocket(fd, false, unlink)],
    })),
    clients: server.clients.map((client) => ({
      id: client.id,
      auth: 0,
      auth_pending: false,
      readonly: false,
      nrequests_max: 1,
      conn_time: client.connectedAtS,
      sock: wireSocket(client.fd, true, false),
      privateData: privateData(client),
    })),
  };
}

const NIL_UUID = "00000000000000000000000000000000";

function wireLockPrivate({ owner, restricted }: ClientState): WireLockPrivate {
  return {
    restricted,
    ownerPid: owner?.pid ?? 0,
    ownerId: owner?.id ?? 0,
    ownerName: toText(owner?.name ?? ""),
    ownerUUID: dashed(owner?.uuid ?? NIL_UUID),
  };
}

/** 8-4-4-4-12, the form that libvirt writes. */
function dashed(uuid: string): string {
  return uuid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function wireResources({ directory, resources }: LockspaceState): WireResource[] {
  return resources.map(({ name, fd, flags, owners }) => ({
    name: toText(name),
    path: toText(directory === "" ? name : `${directory}/${name}`),
    fd,
    lockHeld: true,
    flags,
    owners: [...owners],
  }));
}
