/** Handing the running service over: the state of the live objects, and live objects from a state. */
import { F_RDLCK, F_WRLCK, setCloseOnExec, setLock, setNonBlocking } from "../../../ffi/file.ts";
import { processId } from "../../../ffi/process.ts";
import { isListening } from "../../../ffi/socket.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import type { PidFile } from "../../../src/host/pidfile.ts";
import { decodeBytes, toBytes, toText, toTextExactly } from "../../../src/wire/bytes.ts";
import {
  type ClientState,
  HandoverError,
  type HandoverState,
  type LockspaceState,
  type ServerState,
} from "../handover.ts";
import type { Extra } from "../handover_schema.ts";
import { type HeldInode, isShared, type Lockspace } from "../lockspace.ts";
import type { Owner } from "../machine.ts";
import type { AdminServiceClient } from "./admin_service.ts";
import type { Aside } from "./connection.ts";
import { watchProcess } from "./holders.ts";
import { identify } from "./lease_files.ts";
import type { LockClient, LockService } from "./lock_service.ts";
import type { ServedClient, Server } from "./server.ts";

/** The live objects whose state is handed over. */
export interface Service {
  readonly lockService: LockService;
  readonly lockServer: Server<LockClient>;
  readonly adminServer: Server<AdminServiceClient> | undefined;
  readonly pidFile: PidFile | undefined;
  readonly idleTimeoutS: number;
  readonly nowMs: number;
}

/** The whole state, for a successor of ours; without `extra` it is what the C daemon takes. */
export function captureState(service: Service, withExtra: boolean): HandoverState {
  const { lockServer, adminServer, lockService } = service;
  const { table } = lockService.machine;
  return {
    pid: processId(),
    lock: captureServer(lockServer, captureLockClient),
    admin: adminServer === undefined
      ? undefined
      : captureServer(adminServer, () => ({ restricted: false })),
    lockspaces: [table.default, ...table.named.values()].map(captureLockspace),
    extra: withExtra ? captureExtra(service) : undefined,
  };
}

function captureServer<C extends ServedClient>(
  server: Server<C>,
  registration: (client: C) => Pick<ClientState, "owner" | "restricted">,
): ServerState {
  const { listener } = server;
  return {
    priorityWorkers: server.priorityWorkers,
    maxClients: server.limits.maxClients,
    maxAnonymousClients: server.limits.maxUnauthenticated,
    nextClientId: server.nextClientId,
    listeners: listener === undefined ? [] : [{ fd: listener.fd, unlink: listener.unlinkAtEnd }],
    clients: [...server.clients.values()].map((client) => ({
      id: client.id,
      connectedAtS: client.connectedAt,
      fd: client.connection.fd,
      ...registration(client),
    })),
  };
}

function captureLockClient(
  { owner, restricted }: LockClient,
): Pick<ClientState, "owner" | "restricted"> {
  return { restricted, owner: owner && { ...owner, uuid: owner.uuid.toHex() } };
}

function captureLockspace({ directory, resources }: Lockspace): LockspaceState {
  return { directory, resources: [...resources.values()] };
}

export function allClients(service: Service): ServedClient[] {
  return [...service.lockServer.clients.values(), ...service.adminServer?.clients.values() ?? []];
}

function base64(bytes: Uint8Array): string {
  return btoa(decodeBytes(bytes, 0, bytes.length));
}

function isText(name: string): boolean {
  return toTextExactly(name) !== undefined;
}

function captureExtra(service: Service): Extra {
  const { lockService, lockServer, pidFile, nowMs, idleTimeoutS } = service;
  const { table } = lockService.machine;
  const resources = [...table.resources()];
  const clients = allClients(service);
  const named = [
    ...resources.map(({ fd, name }): [number, string] => [fd, name]),
    ...[...lockServer.clients.values()].map((
      { connection, owner },
    ): [number, string] => [connection.fd, owner?.name ?? ""]),
  ];
  return {
    version: 1,
    ...(pidFile === undefined ? {} : { pidFile: pidFile.fd }),
    idleTimeoutS,
    connections: clients.filter(({ connection }) => !connection.isAtBorder).map(captureConnection),
    callers: clients.filter((client) => client.madeCall).map(({ connection }) => connection.fd),
    dying: [...lockService.holders.dying()].map(({ pid, sinceMs }) => ({
      pid,
      elapsedMs: nowMs - sinceMs,
    })),
    since: resources.map(({ fd, sinceMs }) => [fd, sinceMs]),
    parked: [...table.inodes()].filter((inode) => inode.parked.length > 0)
      .map((inode) => [inode.resources[0].fd, [...inode.parked]]),
    names: named.filter(([, name]) => !isText(name)).map(([fd, name]) => [fd, btoa(name)]),
    directories: [...table.named.keys()]
      .flatMap((directory, i): [number, string][] =>
        isText(directory) ? [] : [[i, btoa(directory)]]
      ),
  };
}

function captureConnection({ connection }: ServedClient): Extra["connections"][number] {
  const { fd, stream, aside } = connection;
  return {
    fd,
    input: base64(stream.heldInput),
    output: base64(stream.heldOutput),
    ...(aside === undefined ? {} : { aside: { ...aside, bytes: base64(aside.bytes) } }),
  };
}

/** Every descriptor that a state names. */
function handedDescriptors(state: HandoverState): number[] {
  const { lock, admin, lockspaces, extra } = state;
  return [
    ...[lock, admin].flatMap((server) =>
      [...server?.listeners ?? [], ...server?.clients ?? []].map(({ fd }) => fd)
    ),
    ...lockspaces.flatMap(({ resources }) => resources.map(({ fd }) => fd)),
    ...(extra?.parked ?? []).flatMap(([, fds]) => fds),
    ...(extra?.pidFile === undefined ? [] : [extra.pidFile]),
  ];
}

/**
 * Every descriptor that must outlive the execve: a parked one, too, where the state has no place for it, since closing it would
 * drop the lock on its file. The C daemon has it open without knowing.
 */
export function keptDescriptors(state: HandoverState, { lockService }: Service): number[] {
  const parked = [...lockService.machine.table.inodes()].flatMap((inode) => inode.parked);
  return [...new Set([...handedDescriptors(state), ...parked])];
}

/** Why a program other than ours cannot take over at this moment; empty when it can. */
export function obstacles(service: Service): string[] {
  const { lockService } = service;
  const { table } = lockService.machine;
  const halfDone = allClients(service).filter(({ connection }) => !connection.isAtBorder).length;
  const unnameable = [...table.resources()].filter(({ name }) => !isText(name)).length +
    [...table.named.keys()].filter((directory) => !isText(directory)).length;
  return [
    ...(halfDone > 0 ? [`${halfDone} clients have half-sent requests or unread replies`] : []),
    ...(lockService.holders.count > 0
      ? [`${lockService.holders.count} holders are still being ended`]
      : []),
    ...(unnameable > 0
      ? [`${unnameable} lockspaces or resources have names that are not UTF-8`]
      : []),
  ];
}

/** Checks that every descriptor of a state is what it should be. Throws HandoverError before anything is touched. */
export function checkDescriptors(state: HandoverState): void {
  for (const server of [state.lock, state.admin]) {
    for (const { fd } of server?.listeners ?? []) expectSocket(fd, true);
    for (const { fd } of server?.clients ?? []) expectSocket(fd, false);
  }
  for (const { resources } of state.lockspaces) {
    for (const { fd, name } of resources) expectOpen(fd, `resource "${toText(name)}"`);
  }
  for (const [, parked] of state.extra?.parked ?? []) {
    for (const fd of parked) expectOpen(fd, "a parked lock");
  }
  if (state.extra?.pidFile !== undefined) expectOpen(state.extra.pidFile, "the pid file");
}

function expectOpen(fd: number, what: string): void {
  try {
    identify(fd);
  } catch {
    throw new HandoverError(`descriptor ${fd} of ${what} is not open`);
  }
}

function expectSocket(fd: number, listening: boolean): void {
  if (isListening(fd) === listening) return;
  throw new HandoverError(
    `descriptor ${fd} is not a ${listening ? "listening" : "connected"} socket`,
  );
}

/** Makes live objects of a state whose descriptors were checked. */
export function adoptState(state: HandoverState, service: Service): void {
  const log = logger("locking", "lock_daemon");
  const since = new Map(state.extra?.since ?? []);
  for (const lockspace of state.lockspaces) {
    adoptLockspace(lockspace, service.lockService, since);
  }
  for (const inode of service.lockService.machine.table.inodes()) reassert(inode, log);
  for (const fd of handedDescriptors(state)) setCloseOnExec(fd, true);
  adoptParked(state, service.lockService);
  adoptServer(state.lock, service.lockServer, (client, from) => {
    service.lockService.restoreClient(client, ownerOf(from), from.restricted);
  });
  if (state.admin !== undefined && service.adminServer !== undefined) {
    adoptServer(state.admin, service.adminServer, () => {});
  }
  if (state.extra !== undefined) adoptExtra(state.extra, service);
}

function adoptLockspace(
  { directory, resources }: LockspaceState,
  { machine }: LockService,
  since: ReadonlyMap<number, number>,
): void {
  const lockspace = directory === "" ? machine.table.default : machine.table.add(directory);
  for (const { name, fd, flags, owners } of resources) {
    const sinceMs = since.get(fd) ?? machine.nowMs();
    const grant = { fd, flags, sinceMs, ...identify(fd) };
    machine.table.insert(lockspace, name, grant, [...owners]);
  }
}

/**
 * Asks for the kernel's lock on a file once more. It is ours already, unless the predecessor lost it by closing another
 * descriptor of the file, or made a shared one of it, as the C daemon can by granting both by two names. There is one for all of
 * a process, and the last that was asked for counts.
 */
function reassert({ resources }: HeldInode, log: Logger): void {
  const kind = resources.every(isShared) ? F_RDLCK : F_WRLCK;
  if (setLock(resources[0].fd, kind, 0, 1) === 0) return;
  for (const { lockspace, name, owners } of resources) {
    log.error('the predecessor had lost its lock on "{RESOURCE}", and another process has it now', {
      LOCKSPACE: toText(lockspace.directory),
      RESOURCE: toText(name),
      OWNER_PID: owners.join(" "),
    });
  }
}

function adoptParked({ extra }: HandoverState, { machine }: LockService): void {
  const byDescriptor = new Map(
    [...machine.table.resources()].map((resource) => [resource.fd, resource]),
  );
  for (const [fd, parked] of extra?.parked ?? []) {
    byDescriptor.get(fd)?.inode.parked.push(...parked);
  }
}

function ownerOf({ owner }: ClientState): Owner | undefined {
  return owner && { ...owner, uuid: Uint8Array.fromHex(owner.uuid) };
}

function adoptServer<C extends ServedClient>(
  state: ServerState,
  server: Server<C>,
  restore: (client: C, from: ClientState) => void,
): void {
  server.nextClientId = state.nextClientId;
  server.priorityWorkers = state.priorityWorkers;
  for (const { fd, unlink } of state.listeners) {
    setNonBlocking(fd);
    server.listen(fd, unlink);
  }
  for (const from of state.clients) {
    setNonBlocking(from.fd);
    restore(server.adopt(from.fd, from.id, from.connectedAtS), from);
  }
}

function adoptExtra(extra: Extra, service: Service): void {
  const clients = new Map(allClients(service).map((client) => [client.connection.fd, client]));
  for (const fd of extra.callers) {
    const client = clients.get(fd);
    if (client !== undefined) client.madeCall = true;
  }
  for (const { pid, elapsedMs } of extra.dying) {
    service.lockService.holders.end(pid, watchProcess(pid), Math.max(1, elapsedMs));
  }
  for (const { fd, input, output, aside } of extra.connections) {
    clients.get(fd)?.connection.restore(
      toBytes(atob(input)),
      toBytes(atob(output)),
      asideOf(aside),
    );
  }
}

function asideOf(aside: Extra["connections"][number]["aside"]): Aside | undefined {
  return aside && { ...aside, bytes: toBytes(atob(aside.bytes)) };
}
