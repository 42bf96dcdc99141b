/** One call of the admin program, and the steps that its procedures have in common. */
import type { ByteString } from "../../src/wire/bytes.ts";
import type { RpcError } from "../../src/wire/rpc.ts";
import type { AdminClient, AdminServer, AdminTarget } from "./admin_target.ts";
import { FROM_ADMIN, FROM_RPC, noClient, noServer, unsupportedFlags } from "./errors.ts";

/** What becomes of the connection: the written reply is sent, sent before it is closed, or it is closed without. */
export type AdminAnswer = "reply" | "reply and close" | "close";

export interface Call {
  readonly target: AdminTarget;
  readonly caller: AdminClient;
  answer: AdminAnswer;
}

/** Thrown where the answer to a call is an error. No Error: its stack would cost more than the rest of the call. */
export class Refusal {
  constructor(readonly reason: RpcError) {}
}

export function refuseIf(reason: RpcError | undefined): void {
  if (reason !== undefined) throw new Refusal(reason);
}

/** No flag has a meaning yet. */
export function refuseFlags(flags: number, functionName: string): void {
  if (flags !== 0) throw new Refusal(unsupportedFlags(FROM_ADMIN, flags, functionName));
}

export function findServer(target: AdminTarget, name: ByteString): AdminServer {
  const server = target.servers.get(name);
  if (server) return server;
  throw new Refusal(noServer(FROM_RPC, `No server named '${name}'`));
}

/** findServer() in the words of the procedures whose dispatch libvirt does not generate. */
export function matchServer(target: AdminTarget, name: ByteString): AdminServer {
  const server = target.servers.get(name);
  if (server) return server;
  throw new Refusal(noServer(FROM_ADMIN, `no server with matching name '${name}' found`));
}

export function findClient(server: AdminServer, id: bigint): AdminClient {
  const client = clientById(server, id);
  if (client) return client;
  throw new Refusal(noClient(FROM_RPC, `No client with matching ID '${id}'`));
}

/** findClient() in other words, as matchServer(). */
export function matchClient(server: AdminServer, id: bigint): AdminClient {
  const client = clientById(server, id);
  if (client) return client;
  throw new Refusal(noClient(FROM_ADMIN, `no client with matching id '${id}' found`));
}

function clientById(server: AdminServer, id: bigint): AdminClient | undefined {
  return id <= BigInt(Number.MAX_SAFE_INTEGER) ? server.clients.get(Number(id)) : undefined;
}
