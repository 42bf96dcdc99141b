/**
 * Calls of the admin program, written down a second time on purpose (see client_frames.ts). Facts: libvirt
 * src/admin/admin_protocol.x.
 */
import * as frames from "./client_frames.ts";

/** virTypedParameterType */
export const ParameterType = {
  int: 1,
  uint: 2,
  llong: 3,
  ullong: 4,
  double: 5,
  boolean: 6,
  string: 7,
} as const;

/** `value`: the bytes that follow the type. */
export interface Parameter {
  readonly field: frames.Text;
  readonly type: number;
  readonly value: Uint8Array;
}

export function uint(field: frames.Text, value: number): Parameter {
  return { field, type: ParameterType.uint, value: frames.u32(value) };
}

/** A call with any number and payload. */
export function call(procedure: number, ...payload: readonly Uint8Array[]): Uint8Array {
  return callWith({}, procedure, ...payload);
}

/** A call with other words in its header. */
export function callWith(
  changes: Partial<frames.Header>,
  procedure: number,
  ...payload: readonly Uint8Array[]
): Uint8Array {
  const header = {
    program: frames.Program.admin,
    version: 1,
    procedure,
    type: frames.MessageType.call,
    serial: 7,
    status: frames.Status.ok,
    ...changes,
  };
  return frames.frame(header, ...payload);
}

function parametersOf(parameters: readonly Parameter[]): Uint8Array {
  const items = parameters.map(({ field, type, value }) =>
    frames.concat(frames.xdrString(field), frames.u32(type), value)
  );
  return frames.concat(frames.u32(parameters.length), ...items);
}

/** The timestamp and the transport of a client are not looked at in arguments. */
function clientOf(server: frames.Text, id: bigint): Uint8Array {
  const timestamp = frames.hyper(-1n);
  return frames.concat(frames.xdrString(server), frames.hyper(id), timestamp, frames.u32(9));
}

const { u32, xdrString, xdrOptionalString } = frames;

export const open = (flags = 0): Uint8Array => call(1, u32(flags));
export const close = (): Uint8Array => call(2);
export const version = (): Uint8Array => call(3);
export const listServers = (need = 1, flags = 0): Uint8Array => call(4, u32(need, flags));
export const lookupServer = (name: frames.Text, flags = 0): Uint8Array =>
  call(5, xdrString(name), u32(flags));
export const getThreadpool = (server: frames.Text, flags = 0): Uint8Array =>
  call(6, xdrString(server), u32(flags));
export const setThreadpool = (
  server: frames.Text,
  parameters: readonly Parameter[],
  flags = 0,
): Uint8Array => call(7, xdrString(server), parametersOf(parameters), u32(flags));
export const listClients = (server: frames.Text, need = 1, flags = 0): Uint8Array =>
  call(8, xdrString(server), u32(need, flags));
export const lookupClient = (server: frames.Text, id: bigint, flags = 0): Uint8Array =>
  call(9, xdrString(server), frames.hyper(id), u32(flags));
export const clientInfo = (server: frames.Text, id: bigint, flags = 0): Uint8Array =>
  call(10, clientOf(server, id), u32(flags));
export const closeClient = (server: frames.Text, id: bigint, flags = 0): Uint8Array =>
  call(11, clientOf(server, id), u32(flags));
export const getLimits = (server: frames.Text, flags = 0): Uint8Array =>
  call(12, xdrString(server), u32(flags));
export const setLimits = (
  server: frames.Text,
  parameters: readonly Parameter[],
  flags = 0,
): Uint8Array => call(13, xdrString(server), parametersOf(parameters), u32(flags));
export const getOutputs = (flags = 0): Uint8Array => call(14, u32(flags));
export const getFilters = (flags = 0): Uint8Array => call(15, u32(flags));
export const setOutputs = (setting: frames.Text | undefined, flags = 0): Uint8Array =>
  call(16, xdrOptionalString(setting), u32(flags));
export const setFilters = (setting: frames.Text | undefined, flags = 0): Uint8Array =>
  call(17, xdrOptionalString(setting), u32(flags));
export const updateTls = (server: frames.Text, flags = 0): Uint8Array =>
  call(18, xdrString(server), u32(flags));
export const setTimeout = (seconds: number, flags = 0): Uint8Array => call(19, u32(seconds, flags));
