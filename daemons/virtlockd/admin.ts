/**
 * The admin program: a call in, a complete reply frame out. Pure but for what it asks of its target.
 *
 *     decode the arguments → find the server → find the client, or look at the parameters → flags → do it
 *
 * is the original's order of checks (src/admin/admin_server_dispatch.c and admin_server.c of libvirt 9.0.0), and its
 * functions' names are in the errors about flags.
 */
import type { ByteString } from "../../src/wire/bytes.ts";
import {
  beginFrame,
  encodeError,
  endFrame,
  ERROR,
  type Header,
  OK,
  REPLY,
  type RpcError,
  STRING_MAX_BYTES,
} from "../../src/wire/rpc.ts";
import { XdrError, type XdrReader, type XdrWriter } from "../../src/wire/xdr.ts";
import { oversizedParameter, uintParameter, unacceptableParameter } from "./admin_parameters.ts";
import * as protocol from "./admin_protocol.ts";
import type { Procedure, TypedParameter } from "./admin_protocol.ts";
import type { AdminClient, AdminServer, AdminTarget, ClientIdentity } from "./admin_target.ts";
import * as errors from "./errors.ts";
import { FROM_ADMIN, FROM_NONE, FROM_RPC } from "./errors.ts";

/** The server whose clients make these calls. */
export const ADMIN_SERVER = "admin";

/** The libvirt release whose behaviour this is: 1000000 × major + 1000 × minor + release. */
const LIBVIRT_VERSION = 9_000_000n;

/** What to do with the connection: send the written frame, send it and close, or close without a word. */
export type AdminAnswer = "reply" | "reply and close" | "close";

interface Call {
  readonly target: AdminTarget;
  readonly caller: AdminClient;
  answer: AdminAnswer;
}

/** Thrown by a handler for a call that is answered with an error. */
class Refusal extends Error {
  override name = "Refusal";
  constructor(readonly reason: RpcError) {
    super(reason.message);
  }
}

/**
 * Answers a call of the admin program whose payload the reader stands at; `caller` is the client that made it. Unless the
 * answer is "close", the writer holds the reply.
 */
export function answerAdmin(
  header: Header,
  reader: XdrReader,
  writer: XdrWriter,
  target: AdminTarget,
  caller: AdminClient,
): AdminAnswer {
  const call: Call = { target, caller, answer: "reply" };
  try {
    const { procedure, handle } = entryOf(header.procedure);
    const args = decodeArguments(procedure, reader);
    caller.madeCall = true;
    const result = handle(call, args);
    writeResult(writer, header, procedure, result);
    return call.answer;
  } catch (error) {
    if (error instanceof Refusal) return writeRefusal(writer, header, error.reason);
    throw error;
  }
}

function entryOf(number: number): Entry {
  const entry = ENTRIES[number - 1];
  if (entry === undefined) throw new Refusal(errors.unknownProcedure(number));
  return entry;
}

function decodeArguments<A>(procedure: Procedure<A, unknown>, reader: XdrReader): A {
  try {
    return procedure.args.decode(reader);
  } catch (error) {
    if (error instanceof XdrError) throw new Refusal(errors.UNDECODABLE);
    throw error;
  }
}

function writeResult<R>(
  writer: XdrWriter,
  header: Header,
  procedure: Procedure<unknown, R>,
  result: R,
): void {
  beginFrame(writer, header, REPLY, OK);
  try {
    procedure.result.encode(writer, result);
  } catch (error) {
    if (error instanceof XdrError) throw new Refusal(errors.UNENCODABLE);
    throw error;
  }
  endFrame(writer);
}

/** An error text that breaks the limit of strings cannot be sent: as in the original, the connection is closed. */
function writeRefusal(writer: XdrWriter, header: Header, reason: RpcError): AdminAnswer {
  if (reason.message.length > STRING_MAX_BYTES) return "close";
  beginFrame(writer, header, REPLY, ERROR);
  encodeError(writer, reason);
  endFrame(writer);
  return "reply";
}

interface Entry {
  readonly procedure: Procedure<unknown, unknown>;
  handle(call: Call, args: unknown): unknown;
}

/** Pairs a procedure with its handler: this is where their types must agree. */
function entry<A, R>(procedure: Procedure<A, R>, handle: (call: Call, args: A) => R): Entry {
  return { procedure, handle: (call, args) => handle(call, args as A) };
}

/** Handlers by procedure number, from 1. */
const ENTRIES: readonly Entry[] = [
  entry(protocol.CONNECT_OPEN, (_, { flags }) => noFlags(flags, "adminDispatchConnectOpen")),
  entry(protocol.CONNECT_CLOSE, (call) => {
    call.answer = "reply and close";
  }),
  entry(protocol.GET_LIB_VERSION, () => ({ version: LIBVIRT_VERSION })),
  entry(protocol.LIST_SERVERS, ({ target }, { needResults, flags }) => {
    noFlags(flags, "adminConnectListServers");
    const servers = [...target.servers.keys()];
    return { servers: needResults === 0 ? [] : servers, total: servers.length };
  }),
  entry(protocol.LOOKUP_SERVER, ({ target }, { server }) => {
    findServer(target, server);
    return { server };
  }),
  entry(protocol.GET_THREADPOOL, getThreadpool),
  entry(protocol.SET_THREADPOOL, setThreadpool),
  entry(protocol.LIST_CLIENTS, listClients),
  entry(protocol.LOOKUP_CLIENT, ({ target }, { server, id, flags }) => {
    const found = findServer(target, server);
    noFlags(flags, "adminServerLookupClient");
    return onWire(server, findClient(found, id));
  }),
  entry(protocol.GET_CLIENT_INFO, getClientInfo),
  entry(protocol.CLOSE_CLIENT, closeClient),
  entry(protocol.GET_CLIENT_LIMITS, getClientLimits),
  entry(protocol.SET_CLIENT_LIMITS, setClientLimits),
  entry(protocol.GET_LOG_OUTPUTS, ({ target }, { flags }) => {
    noFlags(flags, "adminConnectGetLoggingOutputs");
    return target.logOutputs();
  }),
  entry(protocol.GET_LOG_FILTERS, ({ target }, { flags }) => {
    noFlags(flags, "adminConnectGetLoggingFilters");
    const { setting, count } = target.logFilters();
    return { setting: count === 0 ? undefined : setting, count };
  }),
  entry(protocol.SET_LOG_OUTPUTS, ({ target }, { setting, flags }) => {
    noFlags(flags, "adminConnectSetLoggingOutputs");
    refuseIf(target.setLogOutputs(setting ?? ""));
  }),
  entry(protocol.SET_LOG_FILTERS, ({ target }, { setting, flags }) => {
    noFlags(flags, "adminConnectSetLoggingFilters");
    refuseIf(target.setLogFilters(setting ?? ""));
  }),
  entry(protocol.UPDATE_TLS_FILES, ({ target }, { server, flags }) => {
    findServer(target, server);
    noFlags(flags, "adminServerUpdateTlsFiles");
    refuseIf(errors.internalError(FROM_RPC, "no tls service found, unable to update tls files"));
  }),
  entry(protocol.SET_DAEMON_TIMEOUT, ({ target }, { seconds, flags }) => {
    noFlags(flags, "adminConnectSetDaemonTimeout");
    target.setIdleTimeout(seconds);
  }),
];

function refuseIf(error: RpcError | undefined): void {
  if (error !== undefined) throw new Refusal(error);
}

/** No procedure of the program has flags yet. */
function noFlags(flags: number, functionName: string): void {
  if (flags !== 0) throw new Refusal(errors.unsupportedFlags(FROM_ADMIN, flags, functionName));
}

function findServer(target: AdminTarget, name: ByteString): AdminServer {
  const server = target.servers.get(name);
  if (server === undefined) {
    throw new Refusal(errors.noServer(FROM_RPC, `No server named '${name}'`));
  }
  return server;
}

function findClient(server: AdminServer, id: bigint): AdminClient {
  const client = clientById(server, id);
  if (client === undefined) {
    throw new Refusal(errors.noClient(FROM_RPC, `No client with matching ID '${id}'`));
  }
  return client;
}

function clientById(server: AdminServer, id: bigint): AdminClient | undefined {
  return id <= BigInt(Number.MAX_SAFE_INTEGER) ? server.clients.get(Number(id)) : undefined;
}

/** As findServer(), in the words of those procedures whose dispatch libvirt has written by hand. */
function matchServer(target: AdminTarget, name: ByteString): AdminServer {
  const server = target.servers.get(name);
  if (server === undefined) {
    const detail = `no server with matching name '${name}' found`;
    throw new Refusal(errors.noServer(FROM_ADMIN, detail));
  }
  return server;
}

function matchClient(server: AdminServer, id: bigint): AdminClient {
  const client = clientById(server, id);
  if (client === undefined) {
    throw new Refusal(errors.noClient(FROM_ADMIN, `no client with matching id '${id}' found`));
  }
  return client;
}

type ArgsOf<P> = P extends Procedure<infer A, unknown> ? A : never;
type ResultOf<P> = P extends Procedure<never, infer R> ? R : never;
type WireClient = ResultOf<typeof protocol.LOOKUP_CLIENT>;

function onWire(server: ByteString, { id, connectedAt }: AdminClient): WireClient {
  return {
    server,
    id: BigInt(id),
    timestamp: BigInt(connectedAt),
    transport: protocol.TRANSPORT_UNIX,
  };
}

function uint(field: ByteString, value: number): TypedParameter {
  return { field, type: "uint", value };
}

function getThreadpool(
  { target }: Call,
  { server, flags }: ArgsOf<typeof protocol.GET_THREADPOOL>,
): readonly TypedParameter[] {
  const { priorityWorkers } = findServer(target, server);
  noFlags(flags, "adminServerGetThreadPoolParameters");
  return [
    uint("minWorkers", 0),
    uint("maxWorkers", 0),
    uint("nWorkers", 0),
    uint("freeWorkers", 0),
    uint("prioWorkers", priorityWorkers),
    uint("jobQueueDepth", 0),
  ];
}

/** Thrown settings first, changes last: the checks of virThreadPoolSetParameters for a pool without threads. */
function setThreadpool(
  { target }: Call,
  { server, parameters, flags }: ArgsOf<typeof protocol.SET_THREADPOOL>,
): void {
  const found = matchServer(target, server);
  refuseIf(oversizedParameter(parameters));
  noFlags(flags, "adminServerSetThreadPoolParameters");
  refuseIf(unacceptableParameter(parameters, ["minWorkers", "maxWorkers", "prioWorkers"]));
  const max = uintParameter(parameters, "maxWorkers") ?? 0;
  if ((uintParameter(parameters, "minWorkers") ?? 0) > max) {
    throw new Refusal(MORE_MIN_THAN_MAX_WORKERS);
  }
  if (max > 0) throw new Refusal(NO_WORKERS);
  found.priorityWorkers = uintParameter(parameters, "prioWorkers") ?? found.priorityWorkers;
}

const MORE_MIN_THAN_MAX_WORKERS = errors.invalidArgument(
  FROM_NONE,
  "minWorkers cannot be larger than maxWorkers",
);
const NO_WORKERS = errors.invalidArgument(
  FROM_NONE,
  "maxWorkers must not be switched from zero to non-zero and vice versa",
);

function listClients(
  { target }: Call,
  { server, needResults, flags }: ArgsOf<typeof protocol.LIST_CLIENTS>,
): ResultOf<typeof protocol.LIST_CLIENTS> {
  const { clients } = findServer(target, server);
  noFlags(flags, "adminServerListClients");
  const total = clients.size;
  if (total > protocol.LIST_MAX_ITEMS) {
    const detail = `Too many clients '${total}' for limit '${protocol.LIST_MAX_ITEMS}'`;
    throw new Refusal(errors.internalError(FROM_ADMIN, detail));
  }
  const listed = needResults === 0 ? [] : [...clients.values()];
  return { clients: listed.map((client) => onWire(server, client)), total };
}

function getClientInfo(
  { target }: Call,
  { client, flags }: ArgsOf<typeof protocol.GET_CLIENT_INFO>,
): readonly TypedParameter[] {
  const found = matchClient(matchServer(target, client.server), client.id);
  noFlags(flags, "adminClientGetInfo");
  if (!found.madeCall) throw new Refusal(NO_IDENTITY);
  return [{ field: "readonly", type: "boolean", value: 0 }, ...describe(found.identity())];
}

const NO_IDENTITY = errors.internalError(
  FROM_RPC,
  "No identity information available for client",
);

function* describe(identity: ClientIdentity): Generator<TypedParameter> {
  const { pid, uid, gid, userName, groupName, selinuxContext } = identity;
  yield { field: "unix_user_id", type: "int", value: uid };
  if (userName !== undefined) yield { field: "unix_user_name", type: "string", value: userName };
  yield { field: "unix_group_id", type: "int", value: gid };
  if (groupName !== undefined) yield { field: "unix_group_name", type: "string", value: groupName };
  yield { field: "unix_process_id", type: "int", value: pid };
  if (selinuxContext !== undefined) {
    yield { field: "selinux_context", type: "string", value: selinuxContext };
  }
}

/** A client that closes itself is gone before its answer: there is none. */
function closeClient(
  call: Call,
  { client, flags }: ArgsOf<typeof protocol.CLOSE_CLIENT>,
): void {
  const server = findServer(call.target, client.server);
  const { id } = findClient(server, client.id);
  noFlags(flags, "adminClientClose");
  if (client.server === ADMIN_SERVER && id === call.caller.id) call.answer = "close";
  else server.closeClient(id);
}

function getClientLimits(
  { target }: Call,
  { server, flags }: ArgsOf<typeof protocol.GET_CLIENT_LIMITS>,
): readonly TypedParameter[] {
  const { limits, clients } = findServer(target, server);
  noFlags(flags, "adminServerGetClientLimits");
  return [
    uint("nclients_max", limits.maxClients),
    uint("nclients", clients.size),
    uint("nclients_unauth_max", limits.maxUnauthenticated),
    uint("nclients_unauth", 0),
  ];
}

function setClientLimits(
  { target }: Call,
  { server, parameters, flags }: ArgsOf<typeof protocol.SET_CLIENT_LIMITS>,
): void {
  const found = matchServer(target, server);
  refuseIf(oversizedParameter(parameters));
  noFlags(flags, "adminServerSetClientLimits");
  refuseIf(unacceptableParameter(parameters, ["nclients_max", "nclients_unauth_max"]));
  const maxClients = uintParameter(parameters, "nclients_max") ?? found.limits.maxClients;
  const maxUnauthenticated = uintParameter(parameters, "nclients_unauth_max") ??
    found.limits.maxUnauthenticated;
  if (maxClients < maxUnauthenticated) throw new Refusal(FEWER_CLIENTS_THAN_UNAUTHENTICATED);
  found.setLimits({ maxClients, maxUnauthenticated });
}

const FEWER_CLIENTS_THAN_UNAUTHENTICATED = errors.invalidArgument(
  FROM_RPC,
  "The overall maximum number of clients waiting for authentication must not be less than the overall maximum number " +
    "of clients",
);
