/**
 * What the admin program's procedures do. Each goes, in the original's order (src/admin/admin_server_dispatch.c and
 * admin_server.c of libvirt 9.0.0), through
 *
 *     find the server → find the client, or look at the parameters → look at the flags → do it
 *
 * and refuses by throwing. The functions named in errors about flags are the original's.
 */
import type { ByteString } from "../../src/wire/bytes.ts";
import type { RpcError } from "../../src/wire/rpc.ts";
import {
  type Call,
  findClient,
  findServer,
  matchClient,
  matchServer,
  Refusal,
  refuseFlags,
  refuseIf,
} from "./admin_call.ts";
import { oversizedParameter, uintParameter, unacceptableParameter } from "./admin_parameters.ts";
import * as protocol from "./admin_protocol.ts";
import type { Procedure, TypedParameter, WireClient } from "./admin_protocol.ts";
import type { AdminClient, ClientIdentity } from "./admin_target.ts";
import * as errors from "./errors.ts";
import { FROM_ADMIN, FROM_NONE, FROM_RPC } from "./errors.ts";

/** The server whose clients make these calls. */
const ADMIN_SERVER = "admin";

/** The libvirt release whose behaviour this is: 1000000 × major + 1000 × minor + release. */
const LIBVIRT_VERSION = 9_000_000n;

/** Takes decoded arguments and returns the result. Throws Refusal. */
type Handler<P> = P extends Procedure<infer A, infer R> ? (call: Call, args: A) => R : never;

const NO_IDENTITY = errors.internalError(
  FROM_RPC,
  "No identity information available for client",
);
const NO_TLS = errors.internalError(
  FROM_RPC,
  "no tls service found, unable to update tls files",
);
const MORE_MIN_THAN_MAX_WORKERS = errors.invalidArgument(
  FROM_NONE,
  "minWorkers cannot be larger than maxWorkers",
);
const HAS_NO_WORKERS = errors.invalidArgument(
  FROM_NONE,
  "maxWorkers must not be switched from zero to non-zero and vice versa",
);
const MORE_UNAUTHENTICATED_THAN_CLIENTS = errors.invalidArgument(
  FROM_RPC,
  "The overall maximum number of clients waiting for authentication must not be less than " +
    "the overall maximum number of clients",
);

const connectOpen: Handler<typeof protocol.CONNECT_OPEN> = (_, { flags }) => {
  refuseFlags(flags, "adminDispatchConnectOpen");
};

const connectClose: Handler<typeof protocol.CONNECT_CLOSE> = (call) => {
  call.answer = "reply and close";
};

const getLibVersion: Handler<typeof protocol.GET_LIB_VERSION> = () => {
  return { version: LIBVIRT_VERSION };
};

const listServers: Handler<typeof protocol.LIST_SERVERS> = ({ target }, args) => {
  refuseFlags(args.flags, "adminConnectListServers");
  const names = [...target.servers.keys()];
  return { servers: args.needResults === 0 ? [] : names, total: names.length };
};

/** The one procedure that takes any flags. */
const lookupServer: Handler<typeof protocol.LOOKUP_SERVER> = ({ target }, { server }) => {
  findServer(target, server);
  return { server };
};

const getThreadpool: Handler<typeof protocol.GET_THREADPOOL> = ({ target }, args) => {
  const { priorityWorkers } = findServer(target, args.server);
  refuseFlags(args.flags, "adminServerGetThreadPoolParameters");
  return [
    uint("minWorkers", 0),
    uint("maxWorkers", 0),
    uint("nWorkers", 0),
    uint("freeWorkers", 0),
    uint("prioWorkers", priorityWorkers),
    uint("jobQueueDepth", 0),
  ];
};

const setThreadpool: Handler<typeof protocol.SET_THREADPOOL> = ({ target }, args) => {
  const server = matchServer(target, args.server);
  const { parameters, flags } = args;
  refuseIf(oversizedParameter(parameters));
  refuseFlags(flags, "adminServerSetThreadPoolParameters");
  refuseIf(unacceptableParameter(parameters, ["minWorkers", "maxWorkers", "prioWorkers"]));
  const min = uintParameter(parameters, "minWorkers") ?? 0;
  const max = uintParameter(parameters, "maxWorkers") ?? 0;
  if (min > max) throw new Refusal(MORE_MIN_THAN_MAX_WORKERS);
  if (max > 0) throw new Refusal(HAS_NO_WORKERS);
  server.priorityWorkers = uintParameter(parameters, "prioWorkers") ?? server.priorityWorkers;
};

const listClients: Handler<typeof protocol.LIST_CLIENTS> = ({ target }, args) => {
  const { clients } = findServer(target, args.server);
  refuseFlags(args.flags, "adminServerListClients");
  const total = clients.size;
  if (total > protocol.LIST_MAX_ITEMS) throw new Refusal(tooManyClients(total));
  const listed = args.needResults === 0 ? [] : [...clients.values()];
  return { clients: listed.map((client) => onWire(args.server, client)), total };
};

/** The one procedure that looks at the flags before it looks for the client. */
const lookupClient: Handler<typeof protocol.LOOKUP_CLIENT> = ({ target }, args) => {
  const server = findServer(target, args.server);
  refuseFlags(args.flags, "adminServerLookupClient");
  return onWire(args.server, findClient(server, args.id));
};

const getClientInfo: Handler<typeof protocol.GET_CLIENT_INFO> = ({ target }, args) => {
  const client = matchClient(matchServer(target, args.client.server), args.client.id);
  refuseFlags(args.flags, "adminClientGetInfo");
  if (!client.madeCall) throw new Refusal(NO_IDENTITY);
  return [{ field: "readonly", type: "boolean", value: 0 }, ...describe(client.identity())];
};

/** A client that closes itself is gone before its reply is sent. */
const closeClient: Handler<typeof protocol.CLOSE_CLIENT> = (call, { client, flags }) => {
  const server = findServer(call.target, client.server);
  const { id } = findClient(server, client.id);
  refuseFlags(flags, "adminClientClose");
  if (client.server === ADMIN_SERVER && id === call.caller.id) call.answer = "close";
  else server.closeClient(id);
};

const getClientLimits: Handler<typeof protocol.GET_CLIENT_LIMITS> = ({ target }, args) => {
  const { limits, clients } = findServer(target, args.server);
  refuseFlags(args.flags, "adminServerGetClientLimits");
  return [
    uint("nclients_max", limits.maxClients),
    uint("nclients", clients.size),
    uint("nclients_unauth_max", limits.maxUnauthenticated),
    uint("nclients_unauth", 0),
  ];
};

const setClientLimits: Handler<typeof protocol.SET_CLIENT_LIMITS> = ({ target }, args) => {
  const server = matchServer(target, args.server);
  const { parameters, flags } = args;
  refuseIf(oversizedParameter(parameters));
  refuseFlags(flags, "adminServerSetClientLimits");
  refuseIf(unacceptableParameter(parameters, ["nclients_max", "nclients_unauth_max"]));
  const { limits } = server;
  const maxClients = uintParameter(parameters, "nclients_max") ?? limits.maxClients;
  const maxUnauthenticated = uintParameter(parameters, "nclients_unauth_max") ??
    limits.maxUnauthenticated;
  if (maxUnauthenticated > maxClients) throw new Refusal(MORE_UNAUTHENTICATED_THAN_CLIENTS);
  server.setLimits({ maxClients, maxUnauthenticated });
};

const getLogOutputs: Handler<typeof protocol.GET_LOG_OUTPUTS> = ({ target }, { flags }) => {
  refuseFlags(flags, "adminConnectGetLoggingOutputs");
  return target.logOutputs();
};

const getLogFilters: Handler<typeof protocol.GET_LOG_FILTERS> = ({ target }, { flags }) => {
  refuseFlags(flags, "adminConnectGetLoggingFilters");
  const { setting, count } = target.logFilters();
  return { setting: count === 0 ? undefined : setting, count };
};

const setLogOutputs: Handler<typeof protocol.SET_LOG_OUTPUTS> = ({ target }, args) => {
  refuseFlags(args.flags, "adminConnectSetLoggingOutputs");
  refuseIf(target.setLogOutputs(args.setting ?? ""));
};

const setLogFilters: Handler<typeof protocol.SET_LOG_FILTERS> = ({ target }, args) => {
  refuseFlags(args.flags, "adminConnectSetLoggingFilters");
  refuseIf(target.setLogFilters(args.setting ?? ""));
};

const updateTlsFiles: Handler<typeof protocol.UPDATE_TLS_FILES> = ({ target }, args) => {
  findServer(target, args.server);
  refuseFlags(args.flags, "adminServerUpdateTlsFiles");
  throw new Refusal(NO_TLS);
};

const setDaemonTimeout: Handler<typeof protocol.SET_DAEMON_TIMEOUT> = (
  { target },
  { seconds, flags },
) => {
  refuseFlags(flags, "adminConnectSetDaemonTimeout");
  target.setIdleTimeout(seconds);
};

function tooManyClients(count: number): RpcError {
  const detail = `Too many clients '${count}' for limit '${protocol.LIST_MAX_ITEMS}'`;
  return errors.internalError(FROM_ADMIN, detail);
}

function onWire(server: ByteString, { id, connectedAt }: AdminClient): WireClient {
  const transport = protocol.TRANSPORT_UNIX;
  return { server, id: BigInt(id), timestamp: BigInt(connectedAt), transport };
}

function uint(field: ByteString, value: number): TypedParameter {
  return { field, type: "uint", value };
}

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

/** A procedure and what it does. */
export interface Entry {
  readonly procedure: Procedure<unknown, unknown>;
  /** Throws Refusal. */
  readonly handle: (call: Call, args: unknown) => unknown;
}

/** Here the types of the two are seen to agree. */
function entry<A, R>(procedure: Procedure<A, R>, handle: Handler<Procedure<A, R>>): Entry {
  return { procedure, handle: handle as Entry["handle"] };
}

export const ENTRIES: readonly Entry[] = [
  entry(protocol.CONNECT_OPEN, connectOpen),
  entry(protocol.CONNECT_CLOSE, connectClose),
  entry(protocol.GET_LIB_VERSION, getLibVersion),
  entry(protocol.LIST_SERVERS, listServers),
  entry(protocol.LOOKUP_SERVER, lookupServer),
  entry(protocol.GET_THREADPOOL, getThreadpool),
  entry(protocol.SET_THREADPOOL, setThreadpool),
  entry(protocol.LIST_CLIENTS, listClients),
  entry(protocol.LOOKUP_CLIENT, lookupClient),
  entry(protocol.GET_CLIENT_INFO, getClientInfo),
  entry(protocol.CLOSE_CLIENT, closeClient),
  entry(protocol.GET_CLIENT_LIMITS, getClientLimits),
  entry(protocol.SET_CLIENT_LIMITS, setClientLimits),
  entry(protocol.GET_LOG_OUTPUTS, getLogOutputs),
  entry(protocol.GET_LOG_FILTERS, getLogFilters),
  entry(protocol.SET_LOG_OUTPUTS, setLogOutputs),
  entry(protocol.SET_LOG_FILTERS, setLogFilters),
  entry(protocol.UPDATE_TLS_FILES, updateTlsFiles),
  entry(protocol.SET_DAEMON_TIMEOUT, setDaemonTimeout),
];
