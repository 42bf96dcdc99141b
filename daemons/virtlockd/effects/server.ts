/** One service: a listener, the rule for who may connect, the clients with their numbers, the limit on them. */
import { EMFILE, strerror } from "../../../ffi/errno.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { groupName, userName } from "../../../ffi/process.ts";
import { type Credentials, peerCredentials, peerSecurityLabel } from "../../../ffi/socket.ts";
import { Listener } from "../../../src/host/listener.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import type { CloseReason } from "../../../src/host/stream.ts";
import { fromText } from "../../../src/wire/bytes.ts";
import type { Header } from "../../../src/wire/rpc.ts";
import type { XdrReader } from "../../../src/wire/xdr.ts";
import type { AdminClient, AdminServer, ClientIdentity, ClientLimits } from "../admin_target.ts";
import { type Answer, Connection, type Program } from "./connection.ts";

/** A connection that passed the rule for who may connect. */
export interface Accepted {
  readonly fd: number;
  readonly id: number;
  readonly credentials: Credentials;
  /** In seconds since 1970. */
  readonly connectedAt: number;
}

/** A client of a service; what it may say is up to the service. */
export abstract class ServedClient implements Program, AdminClient {
  abstract readonly program: number;
  abstract readonly version: number;
  abstract readonly keepBytes: number;
  readonly connection: Connection;
  readonly id: number;
  readonly credentials: Credentials;
  readonly connectedAt: number;
  madeCall = false;

  constructor(reactor: Reactor, { fd, id, credentials, connectedAt }: Accepted) {
    this.id = id;
    this.credentials = credentials;
    this.connectedAt = connectedAt;
    this.connection = new Connection(reactor, fd, this);
  }

  abstract call(connection: Connection, header: Header, reader: XdrReader): Answer;
  abstract closed(connection: Connection, reason: CloseReason): void;
  abstract mayDrop(): boolean;

  identity(): ClientIdentity {
    const { pid, uid, gid } = this.credentials;
    const user = userName(uid);
    const group = groupName(gid);
    const label = peerSecurityLabel(this.connection.fd);
    return {
      pid,
      uid,
      gid,
      ...(user === undefined ? {} : { userName: fromText(user) }),
      ...(group === undefined ? {} : { groupName: fromText(group) }),
      ...(label === undefined ? {} : { selinuxContext: fromText(label) }),
    };
  }
}

export interface ServerOptions<C extends ServedClient> {
  readonly name: string;
  /** The one user who may connect. */
  readonly allowedUid: number;
  readonly makeClient: (accepted: Accepted) => C;
  /** Called after every change of the number of clients. */
  readonly changed: () => void;
}

export class Server<C extends ServedClient> implements AdminServer {
  readonly name: string;
  readonly clients = new Map<number, C>();
  priorityWorkers = 0;
  nextClientId = 1;
  readonly #log: Logger;
  #listener: Listener | undefined;
  #serving = false;

  constructor(
    private readonly reactor: Reactor,
    private readonly options: ServerOptions<C>,
    public limits: ClientLimits,
  ) {
    this.name = options.name;
    this.#log = logger("rpc", "netserver");
  }

  get listener(): Listener | undefined {
    return this.#listener;
  }

  /** Takes over a listening descriptor; nothing is accepted until serve(). */
  listen(fd: number, unlinkAtEnd: boolean): void {
    const events = {
      accepted: (client: number) => this.#accepted(client),
      exhausted: (code: number) => this.#exhausted(code),
    };
    this.#listener = new Listener(this.reactor, fd, events, unlinkAtEnd);
  }

  serve(): void {
    this.#serving = true;
    this.#applyLimit();
  }

  setLimits(limits: ClientLimits): void {
    this.limits = limits;
    this.#applyLimit();
  }

  closeClient(id: number): void {
    this.clients.get(id)?.connection.stream.close("closed here");
  }

  /** Makes a client of a connection that a predecessor of this process accepted. */
  adopt(fd: number, id: number, connectedAt: number): C {
    return this.#add({ fd, id, credentials: peerCredentials(fd), connectedAt });
  }

  /** To be called when a client's connection has ended. */
  remove(client: C): void {
    this.clients.delete(client.id);
    this.#applyLimit();
    this.options.changed();
  }

  /** Stops accepting and ends every connection. */
  close(): void {
    this.#serving = false;
    this.#listener?.close();
    this.#listener = undefined;
    for (const client of [...this.clients.values()]) client.connection.stream.close("closed here");
  }

  /** At the limit, connections wait in the backlog as they do with the original; one client is always served. */
  #applyLimit(): void {
    const room = this.clients.size < Math.max(1, this.limits.maxClients);
    this.#listener?.enable(this.#serving && room);
  }

  #accepted(fd: number): void {
    const id = this.nextClientId++;
    const credentials = peerCredentials(fd);
    if (credentials.uid !== this.options.allowedUid) {
      this.#log.error("operation forbidden: Disallowing client {OWNER_PID} with uid {OWNER_UID}", {
        OWNER_PID: credentials.pid,
        OWNER_UID: credentials.uid,
      });
      return closeDescriptor(fd);
    }
    this.#add({ fd, id, credentials, connectedAt: Math.floor(Date.now() / 1000) });
  }

  #add(accepted: Accepted): C {
    const client = this.options.makeClient(accepted);
    this.clients.set(accepted.id, client);
    this.#applyLimit();
    this.options.changed();
    return client;
  }

  #exhausted(code: number): void {
    const advice = code === EMFILE ? "; raise LimitNOFILE or lower max_clients" : "";
    this.#log.error(`cannot accept a client of "{SERVICE}": {reason}${advice}`, {
      SERVICE: this.name,
      reason: strerror(code),
    });
  }
}
