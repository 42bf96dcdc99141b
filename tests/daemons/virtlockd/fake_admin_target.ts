/** A daemon as the admin program sees it, made of maps: for the tests of admin.ts. */
import type {
  AdminClient,
  AdminServer,
  AdminTarget,
  ClientIdentity,
  ClientLimits,
  LogSetting,
} from "../../../daemons/virtlockd/admin_target.ts";
import { FROM_NONE, invalidArgument, systemError } from "../../../daemons/virtlockd/errors.ts";
import * as log from "../../../daemons/virtlockd/log_settings.ts";
import type { LogFilter, LogOutput } from "../../../src/host/log_types.ts";
import type { RpcError } from "../../../src/wire/rpc.ts";

export class FakeClient implements AdminClient {
  madeCall = false;
  isClosed = false;
  constructor(
    readonly id: number,
    readonly connectedAt: number,
    private readonly who: ClientIdentity,
  ) {}

  identity(): ClientIdentity {
    return this.who;
  }
}

export class FakeServer implements AdminServer {
  readonly clients = new Map<number, FakeClient>();
  priorityWorkers = 0;
  #lastId: number;

  constructor(public limits: ClientLimits, lastId = 0) {
    this.#lastId = lastId;
  }

  connect(connectedAt: number, who: ClientIdentity): FakeClient {
    const client = new FakeClient(++this.#lastId, connectedAt, who);
    this.clients.set(client.id, client);
    return client;
  }

  setLimits(limits: ClientLimits): void {
    this.limits = limits;
  }

  closeClient(id: number): void {
    const client = this.clients.get(id);
    if (!client) throw new Error(`closeClient(${id}) of a server without it`);
    client.isClosed = true;
    this.clients.delete(id);
  }
}

/** Directories, which cannot be log files, and a folder that is not there. */
const DIRECTORY = "/run";
const NOWHERE = "/run/nowhere/";
const ENOENT = 2;
const EISDIR = 21;

function limitOf(maxClients: number): ClientLimits {
  return { maxClients, maxUnauthenticated: maxClients };
}

/** As the C daemon after its start by a lab, which has connected to the lock socket once. */
export class FakeTarget implements AdminTarget {
  readonly admin = new FakeServer(limitOf(5000));
  readonly virtlockd = new FakeServer(limitOf(1024), 1);
  readonly servers = new Map([["admin", this.admin], ["virtlockd", this.virtlockd]]);
  idleTimeoutSeconds = 0;
  #outputs: readonly LogOutput[] = [{ level: 3, destination: "stderr" }];
  #filters: readonly LogFilter[] = [];

  logOutputs(): LogSetting {
    return { setting: log.printOutputs(this.#outputs), count: this.#outputs.length };
  }

  logFilters(): LogSetting {
    return { setting: log.printFilters(this.#filters), count: this.#filters.length };
  }

  setLogOutputs(setting: string): RpcError | undefined {
    return refused(() => {
      const outputs = log.parseOutputs(setting || "3:stderr", "/");
      const error = unopenable(outputs);
      if (error === undefined) this.#outputs = outputs;
      return error;
    });
  }

  setLogFilters(setting: string): RpcError | undefined {
    return refused(() => {
      this.#filters = log.parseFilters(setting);
      return undefined;
    });
  }

  setIdleTimeout(seconds: number): void {
    this.idleTimeoutSeconds = seconds;
  }
}

function refused(change: () => RpcError | undefined): RpcError | undefined {
  try {
    return change();
  } catch (error) {
    if (error instanceof log.LogSettingError) return invalidArgument(FROM_NONE, error.message);
    throw error;
  }
}

function unopenable(outputs: readonly LogOutput[]): RpcError | undefined {
  for (const { destination, argument = "" } of outputs) {
    if (destination !== "file") continue;
    const what = `failed to open ${argument}`;
    if (argument === DIRECTORY) return systemError(FROM_NONE, EISDIR, what, "Is a directory");
    if (argument.startsWith(NOWHERE)) {
      return systemError(FROM_NONE, ENOENT, what, "No such file or directory");
    }
  }
  return undefined;
}
