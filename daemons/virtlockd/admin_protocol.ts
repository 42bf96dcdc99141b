/**
 * The admin program (src/admin/admin_protocol.x of libvirt 9.0.0): what virt-admin can ask of virtlockd-admin-sock.
 * Each procedure below is drawn as `procedure(number, arguments, result)`.
 */
import type { ByteString } from "../../src/wire/bytes.ts";
import { FRAME_MAX_BYTES } from "../../src/wire/rpc.ts";
import { XdrError } from "../../src/wire/xdr.ts";
import {
  type Codec,
  double,
  hyper,
  int,
  list,
  nothing,
  optionalString,
  string,
  struct,
  uhyper,
  uint,
} from "./xdr_codec.ts";

export const ADMIN_PROGRAM = 0x06900690;
export const ADMIN_VERSION = 1;

/** A call may hold 32 parameters with strings of 4 MiB: every byte of the largest frame can matter. */
export const ADMIN_FRAME_KEEP_BYTES = FRAME_MAX_BYTES;

/** ADMIN_SERVER_LIST_MAX, ADMIN_CLIENT_LIST_MAX */
export const LIST_MAX_ITEMS = 16_384;
/** ADMIN_SERVER_THREADPOOL_PARAMETERS_MAX, ADMIN_SERVER_CLIENT_LIMITS_MAX */
const PARAMETERS_MAX_ITEMS = 32;
/** ADMIN_CLIENT_INFO_PARAMETERS_MAX */
const CLIENT_INFO_MAX_ITEMS = 64;

/** virClientTransport */
export const TRANSPORT_UNIX = 0;

/** A named value with its type (virTypedParameterType); a boolean is a C int. */
export type TypedParameter = { readonly field: ByteString } & TypedValue;

type TypedValue =
  | { readonly type: "int" | "uint" | "double" | "boolean"; readonly value: number }
  | { readonly type: "llong" | "ullong"; readonly value: bigint }
  | { readonly type: "string"; readonly value: ByteString };

/** By number, from 1, under the names that error messages use. */
const VALUE_TYPES: readonly (readonly [TypedValue["type"], Codec<unknown>])[] = [
  ["int", int],
  ["uint", uint],
  ["llong", hyper],
  ["ullong", uhyper],
  ["double", double],
  ["boolean", int],
  ["string", string],
];

const unknownType = new XdrError("unknown type of a parameter");

const parameter: Codec<TypedParameter> = {
  decode: (reader) => {
    const field = string.decode(reader);
    const entry = VALUE_TYPES[reader.int() - 1];
    if (entry === undefined) throw unknownType;
    const [type, codec] = entry;
    return { field, type, value: codec.decode(reader) } as TypedParameter;
  },
  encode: (writer, { field, type, value }) => {
    string.encode(writer, field);
    const index = VALUE_TYPES.findIndex(([name]) => name === type);
    writer.int(index + 1);
    VALUE_TYPES[index][1].encode(writer, value);
  },
};

const parameters = list(parameter, PARAMETERS_MAX_ITEMS);

/** A client as it is named on the wire (admin_nonnull_client); in arguments only `server` and `id` matter. */
const client = struct({ server: string, id: uhyper, timestamp: hyper, transport: uint });
export type WireClient = ReturnType<typeof client.decode>;

export interface Procedure<A, R> {
  readonly number: number;
  readonly args: Codec<A>;
  readonly result: Codec<R>;
}

function procedure<A, R>(number: number, args: Codec<A>, result: Codec<R>): Procedure<A, R> {
  return { number, args, result };
}

const flags = struct({ flags: uint });
const serverAndFlags = struct({ server: string, flags: uint });
const serverParametersAndFlags = struct({ server: string, parameters, flags: uint });
const clientAndFlags = struct({ client, flags: uint });
const listServersArgs = struct({ needResults: uint, flags: uint });
const listClientsArgs = struct({ server: string, needResults: uint, flags: uint });
const lookupClientArgs = struct({ server: string, id: uhyper, flags: uint });
const setTimeoutArgs = struct({ seconds: uint, flags: uint });
const setLogArgs = struct({ setting: optionalString, flags: uint });
const server = struct({ server: string });
const servers = struct({ servers: list(string, LIST_MAX_ITEMS), total: uint });
const clients = struct({ clients: list(client, LIST_MAX_ITEMS), total: uint });
const clientInfo = list(parameter, CLIENT_INFO_MAX_ITEMS);
const logOutputs = struct({ setting: string, count: uint });
const logFilters = struct({ setting: optionalString, count: uint });

export const CONNECT_OPEN = procedure(1, flags, nothing);
export const CONNECT_CLOSE = procedure(2, nothing, nothing);
export const GET_LIB_VERSION = procedure(3, nothing, struct({ version: uhyper }));
export const LIST_SERVERS = procedure(4, listServersArgs, servers);
export const LOOKUP_SERVER = procedure(5, serverAndFlags, server);
export const GET_THREADPOOL = procedure(6, serverAndFlags, parameters);
export const SET_THREADPOOL = procedure(7, serverParametersAndFlags, nothing);
export const LIST_CLIENTS = procedure(8, listClientsArgs, clients);
export const LOOKUP_CLIENT = procedure(9, lookupClientArgs, client);
export const GET_CLIENT_INFO = procedure(10, clientAndFlags, clientInfo);
export const CLOSE_CLIENT = procedure(11, clientAndFlags, nothing);
export const GET_CLIENT_LIMITS = procedure(12, serverAndFlags, parameters);
export const SET_CLIENT_LIMITS = procedure(13, serverParametersAndFlags, nothing);
export const GET_LOG_OUTPUTS = procedure(14, flags, logOutputs);
export const GET_LOG_FILTERS = procedure(15, flags, logFilters);
export const SET_LOG_OUTPUTS = procedure(16, setLogArgs, nothing);
export const SET_LOG_FILTERS = procedure(17, setLogArgs, nothing);
export const UPDATE_TLS_FILES = procedure(18, serverAndFlags, nothing);
export const SET_DAEMON_TIMEOUT = procedure(19, setTimeoutArgs, nothing);
