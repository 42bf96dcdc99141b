/** The lock service: calls in, lease files touched, answers out; and what happens when a holder's connection ends. */
import { strerror } from "../../../ffi/errno.ts";
import { type Logger, logger } from "../../../src/host/log.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import type { CloseReason } from "../../../src/host/stream.ts";
import { toText } from "../../../src/wire/bytes.ts";
import type { Header, RpcError } from "../../../src/wire/rpc.ts";
import type { XdrReader } from "../../../src/wire/xdr.ts";
import { UNDECODABLE, unknownProcedure } from "../errors.ts";
import { LEASE_RETRY_MS } from "../limits.ts";
import {
  ACQUIRE_RESOURCE,
  decodeLockCall,
  emptyLockCall,
  isLockProcedure,
  LOCK_FRAME_KEEP_BYTES,
  LOCK_PROGRAM,
  LOCK_VERSION,
  REGISTER,
  RELEASE_RESOURCE,
} from "../lock_protocol.ts";
import { type Removal, resourcePath } from "../lockspace.ts";
import { type Client, LockMachine, type Outcome, type Owner, type Work } from "../machine.ts";
import type { Answer, Connection } from "./connection.ts";
import { closeWatch, Holders, isGone, type Watch, watchPeer } from "./holders.ts";
import {
  createFile,
  deleteFile,
  dropFile,
  LeaseConflict,
  lockFile,
  makeLockspace,
} from "./lease_files.ts";
import { type Accepted, ServedClient } from "./server.ts";

const call = emptyLockCall();

/** One client of the lock service. */
export class LockClient extends ServedClient implements Client {
  readonly program = LOCK_PROGRAM;
  readonly version = LOCK_VERSION;
  readonly keepBytes = LOCK_FRAME_KEEP_BYTES;
  owner: Owner | undefined;
  restricted = false;
  /** Set while this connection is the holder's own: its end means the holder's. */
  watch: Watch | undefined;

  constructor(private readonly service: LockService, reactor: Reactor, accepted: Accepted) {
    super(reactor, accepted);
  }

  override call(_connection: Connection, header: Header, reader: XdrReader): Answer {
    return this.service.answer(this, header, reader);
  }

  override closed(_connection: Connection, reason: CloseReason): void {
    this.service.disconnected(this, reason);
  }

  /** Whether this is the connection of the very process whose locks it speaks for. */
  get isHolder(): boolean {
    return this.owner !== undefined && this.owner.pid === this.credentials.pid;
  }

  /** Dropping the connection of a process that holds locks would end that process. */
  override mayDrop(): boolean {
    return !(this.isHolder && this.service.machine.table.isHolder(this.credentials.pid));
  }
}

export interface LockServiceEvents {
  /** The clients that there are. */
  clients(): Iterable<LockClient>;
  /** A client's connection has ended. */
  left(client: LockClient): void;
  /** The number of locks or of dying holders may have become zero. */
  released(): void;
}

export class LockService {
  readonly machine = new LockMachine(() => Date.now());
  readonly holders: Holders;
  /** Calls by procedure number, for the metrics; 0 counts calls that are none. */
  readonly calls = new Float64Array(9);
  errors = 0;
  readonly #log: Logger;

  constructor(private readonly reactor: Reactor, private readonly events: LockServiceEvents) {
    this.#log = logger("locking", "lock_daemon");
    this.holders = new Holders(reactor, {
      died: (pid) => this.#holderDied(pid),
      signalled: (pid, signal) => this.#signalled(pid, signal),
      unkillable: (pid, forMs) =>
        this.#log.error(
          "process {OWNER_PID} has not died {seconds} s after it lost its connection; its locks stay held until it does",
          { OWNER_PID: pid, seconds: Math.round(forMs / 1000) },
        ),
    });
  }

  /** Answers one call. */
  answer(client: LockClient, header: Header, reader: XdrReader): Answer {
    const { procedure } = header;
    if (!isLockProcedure(procedure)) {
      this.calls[0]++;
      client.connection.replyError(header, unknownProcedure(procedure));
      return "answered";
    }
    this.calls[procedure]++;
    if (!decodeLockCall(procedure, reader, call)) {
      client.connection.replyError(header, UNDECODABLE);
      return "answered";
    }
    client.madeCall = true;
    // A holder that has just died must not make its disk look busy to whoever comes next.
    if (procedure === ACQUIRE_RESOURCE && this.holders.count > 0) this.holders.reap();
    return this.#run(client, header);
  }

  #run(client: LockClient, header: Header): Answer {
    let work = this.machine.begin(client, call);
    if (work.step !== "reply") {
      const outcome = this.#perform(work);
      if (outcome === undefined) return this.#tryLater(client);
      work = this.machine.finish(client, call, outcome);
    }
    const { error, removal } = work;
    if (header.procedure === REGISTER && error === undefined) this.#registered(client);
    if (removal !== undefined) this.#drop(removal);
    if (this.#log.isEnabledFor("info")) this.#report(client, error);
    if (error === undefined) {
      client.connection.replyOk(header);
    } else {
      this.errors++;
      client.connection.replyError(header, error);
    }
    if (removal !== undefined) this.events.released();
    return "answered";
  }

  /** Logs an acquire or a release. */
  #report(client: LockClient, error: RpcError | undefined): void {
    const { procedure, path, name } = call;
    if (procedure !== ACQUIRE_RESOURCE && procedure !== RELEASE_RESOURCE) return;
    const done = procedure === ACQUIRE_RESOURCE ? "locked" : "released";
    const text = error === undefined
      ? `${done} "{RESOURCE}" of lockspace "{LOCKSPACE}" for process {OWNER_PID} ({OWNER_NAME})`
      : 'refused "{RESOURCE}" of lockspace "{LOCKSPACE}" to process {OWNER_PID} ({OWNER_NAME}): {error}';
    this.#log.info(text, {
      LOCKSPACE: toText(path),
      RESOURCE: toText(name),
      OWNER_PID: client.owner?.pid,
      OWNER_NAME: toText(client.owner?.name ?? ""),
      error: toText(error?.message ?? ""),
    });
  }

  /** Does what the machine asked for; undefined while somebody's lease on the file is being given up. */
  #perform(work: Work): Outcome | undefined {
    const { table } = this.machine;
    try {
      switch (work.step) {
        case "makeLockspace":
          return makeLockspace(work.path);
        case "createFile":
          return createFile(table, work.path);
        case "deleteFile":
          return deleteFile(table, work.path);
        default:
          return lockFile(table, work.path, work.shared, work.autocreate);
      }
    } catch (error) {
      if (error instanceof LeaseConflict) return undefined;
      throw error;
    }
  }

  #tryLater(client: LockClient): Answer {
    client.connection.stream.pause();
    this.reactor.after(LEASE_RETRY_MS, () => client.connection.resume());
    return "again";
  }

  #registered(client: LockClient): void {
    closeWatch(client.watch);
    client.watch = client.isHolder
      ? watchPeer(client.connection.fd, client.credentials.pid)
      : undefined;
  }

  /** Puts back a client of a predecessor of this process. */
  restoreClient(client: LockClient, owner: Owner | undefined, restricted: boolean): void {
    client.owner = owner;
    client.restricted = restricted;
    this.#registered(client);
  }

  /** The connection of a client has ended. When it was a holder's own, the holder ends, too, and then its locks go. */
  disconnected(client: LockClient, reason: CloseReason): void {
    const { watch } = client;
    client.watch = undefined;
    this.events.left(client);
    if (watch === undefined) return;
    const { pid } = client.credentials;
    if (!this.machine.table.isHolder(pid)) return closeWatch(watch);
    this.#log.info("connection {CLIENT_ID} of lock holder {OWNER_PID} ended: {reason}", {
      CLIENT_ID: client.id,
      OWNER_PID: pid,
      OWNER_NAME: toText(client.owner?.name ?? ""),
      reason,
    });
    // The descriptor that was lacking at REGISTER may be there now.
    this.holders.end(pid, watch === "unwatchable" ? watchPeer(client.connection.fd, pid) : watch);
  }

  /** SIGTERM is sent at the end of most guests, which are about to end anyway; SIGKILL is news. */
  #signalled(pid: number, signal: "SIGTERM" | "SIGKILL"): void {
    const level = signal === "SIGTERM" ? "info" : "warn";
    this.#log[level]("process {OWNER_PID} lost its connection while it held locks: sent {SIGNAL}", {
      OWNER_PID: pid,
      SIGNAL: signal,
    });
  }

  /** A process with the same number may be a later one, whose locks cannot be told from those of the dead one. */
  #holderDied(pid: number): void {
    if (this.#hasLivingHolder(pid)) {
      this.#log.warn(
        "a holder has ended, and another one lives with its process number {OWNER_PID}: the locks of both stay held until that one ends",
        { OWNER_PID: pid },
      );
    } else this.#releaseAllOf(pid);
    this.events.released();
  }

  #hasLivingHolder(pid: number): boolean {
    for (const { isHolder, credentials, watch } of this.events.clients()) {
      if (isHolder && credentials.pid === pid && watch !== undefined && !isGone(watch, pid)) {
        return true;
      }
    }
    return false;
  }

  #releaseAllOf(pid: number): void {
    const removals = this.machine.table.releaseAll(pid);
    for (const removal of removals) this.#drop(removal);
    if (removals.length > 0) {
      this.#log.info("released {count} locks of process {OWNER_PID}, which has ended", {
        OWNER_PID: pid,
        count: removals.length,
      });
    }
  }

  #drop(removal: Removal): void {
    const result = dropFile(removal);
    if (result < 0) {
      this.#log.warn('cannot remove lease file "{RESOURCE}": {reason}', {
        LOCKSPACE: toText(removal.resource.lockspace.directory),
        RESOURCE: toText(resourcePath(removal.resource)),
        reason: strerror(-result),
      });
    }
  }

  /** Releases everything, at the end of the daemon. */
  releaseAll(): void {
    for (const removal of this.machine.table.clear()) this.#drop(removal);
  }
}
