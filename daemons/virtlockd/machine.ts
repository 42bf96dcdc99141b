/**
 * The lock machine: a call and the state give the next step; the outcome of that step gives the answer. Pure.
 *
 *     call ──▶ begin() ──▶ reply
 *                  └─────▶ a file operation ──▶ (effects) ──▶ finish() ──▶ reply
 *
 * One `Work` object is reused for every call: read it before the next one.
 */
import type { ByteString } from "../../src/wire/bytes.ts";
import type { RpcError } from "../../src/wire/rpc.ts";
import {
  FROM_LOCKSPACE,
  FROM_NONE,
  FROM_RPC,
  internalError,
  operationDenied,
  operationInvalid,
  resourceBusy,
  systemError,
  unsupportedFlags,
} from "./errors.ts";
import { AUTOCREATE, type LockCall, SHARED } from "./lock_protocol.ts";
import { isShared, type Lockspace, LockTable, type Removal } from "./lockspace.ts";

/** Who a connection acts for, as REGISTER said. */
export interface Owner {
  readonly uuid: Uint8Array<ArrayBuffer>;
  readonly name: ByteString;
  readonly id: number;
  readonly pid: number;
}

/** A connection as the machine sees it. */
export interface Client {
  owner: Owner | undefined;
  /** Set by RESTRICT, for good. */
  restricted: boolean;
}

/** What must be done now: answer, or do something with a file and report it to finish(). */
export type Step = "reply" | "makeLockspace" | "createFile" | "deleteFile" | "lockFile";

export interface Work {
  step: Step;
  /** With `reply`: the error, or undefined for success. */
  error: RpcError | undefined;
  /** The operand of a file operation. */
  path: ByteString;
  shared: boolean;
  autocreate: boolean;
  /** Files to let go before the reply. */
  removal: Removal | undefined;
}

/**
 * What became of a file operation. `fd`, `dev`, `ino` count after `locked` only; `errno` and its text after a failure.
 */
export interface Outcome {
  result:
    | "done"
    | "locked"
    | "busy"
    | "notDirectory"
    | "openFailed"
    | "statFailed"
    | "lockFailed"
    | "failed";
  fd: number;
  dev: number;
  ino: number;
  errno: number;
  reason: string;
}

interface Procedure {
  /** The suffix of the C dispatch function, which the flags error names. */
  readonly name: string;
  readonly allowedFlags: number;
  readonly needsOwner: boolean;
  readonly begin: (machine: LockMachine, client: Client, call: LockCall) => Work;
  readonly finish: (machine: LockMachine, client: Client, call: LockCall, outcome: Outcome) => Work;
}

const RESTRICTED = operationDenied(FROM_RPC, "lock manager connection has been restricted");
const NOT_REGISTERED = operationInvalid(FROM_RPC, "lock owner details have not been registered");
const DEFAULT_EXISTS = operationInvalid(FROM_RPC, "the default lockspace already exists");

function noLockspace(path: ByteString): RpcError {
  return internalError(FROM_RPC, `Lockspace for path ${path} does not exist`);
}

function locked(name: ByteString): RpcError {
  return resourceBusy(FROM_LOCKSPACE, `Lockspace resource '${name}' is locked`);
}

/** The state of the lock service, and the answers it gives. */
export class LockMachine {
  readonly table = new LockTable();
  readonly #work: Work = {
    step: "reply",
    error: undefined,
    path: "",
    shared: false,
    autocreate: false,
    removal: undefined,
  };

  /** `nowMs`: wall-clock time for the record of when a lock was granted. */
  constructor(readonly nowMs: () => number) {}

  /** Checks a decoded call in the original's order and says what to do. */
  begin(client: Client, call: LockCall): Work {
    const procedure = PROCEDURES[call.procedure];
    const badFlags = (call.flags & ~procedure.allowedFlags) >>> 0;
    if (badFlags !== 0) {
      const name = `virLockSpaceProtocolDispatch${procedure.name}`;
      return this.reply(unsupportedFlags(FROM_RPC, badFlags, name));
    }
    if (client.restricted) return this.reply(RESTRICTED);
    if (procedure.needsOwner && client.owner === undefined) return this.reply(NOT_REGISTERED);
    return procedure.begin(this, client, call);
  }

  /** Takes the outcome of the file operation that begin() asked for. */
  finish(client: Client, call: LockCall, outcome: Outcome): Work {
    return PROCEDURES[call.procedure].finish(this, client, call, outcome);
  }

  reply(error?: RpcError, removal?: Removal): Work {
    this.#work.step = "reply";
    this.#work.error = error;
    this.#work.removal = removal;
    return this.#work;
  }

  perform(step: Step, path: ByteString, flags = 0): Work {
    this.#work.step = step;
    this.#work.path = path;
    this.#work.shared = (flags & SHARED) !== 0;
    this.#work.autocreate = (flags & AUTOCREATE) !== 0;
    this.#work.removal = undefined;
    return this.#work;
  }
}

function register(machine: LockMachine, client: Client, call: LockCall): Work {
  if (call.ownerId === 0) return machine.reply(NOT_REGISTERED);
  client.owner = { uuid: call.uuid, name: call.name, id: call.ownerId, pid: call.ownerPid };
  return machine.reply();
}

function restrict(machine: LockMachine, client: Client): Work {
  client.restricted = true;
  return machine.reply();
}

function newLockspace(machine: LockMachine, _client: Client, call: LockCall): Work {
  if (call.path === "") return machine.reply(DEFAULT_EXISTS);
  if (machine.table.find(call.path) === undefined) {
    return machine.perform("makeLockspace", call.path);
  }
  return machine.reply(internalError(FROM_RPC, `Lockspace for path ${call.path} already exists`));
}

function createLockspace(machine: LockMachine, _client: Client, call: LockCall): Work {
  if (machine.table.find(call.path) !== undefined) return machine.reply();
  return machine.perform("makeLockspace", call.path);
}

function lockspaceMade(
  machine: LockMachine,
  _client: Client,
  call: LockCall,
  outcome: Outcome,
): Work {
  if (outcome.result === "notDirectory") {
    const detail = `Lockspace location ${call.path} exists, but is not a directory`;
    return machine.reply(internalError(FROM_LOCKSPACE, detail));
  }
  if (outcome.result !== "done") {
    const what = `Unable to create lockspace ${call.path}`;
    return machine.reply(systemError(FROM_LOCKSPACE, outcome.errno, what, outcome.reason));
  }
  machine.table.add(call.path);
  return machine.reply();
}

/** Finds the lockspace of a call and goes on with it. */
function inLockspace(
  next: (machine: LockMachine, client: Client, call: LockCall, lockspace: Lockspace) => Work,
): Procedure["begin"] {
  return (machine, client, call) => {
    const lockspace = machine.table.find(call.path);
    if (lockspace === undefined) return machine.reply(noLockspace(call.path));
    return next(machine, client, call, lockspace);
  };
}

function unlessLocked(step: Step): Procedure["begin"] {
  return inLockspace((machine, _client, call, lockspace) => {
    if (lockspace.resources.has(call.name)) return machine.reply(locked(call.name));
    return machine.perform(step, lockspace.pathOf(call.name));
  });
}

function fullPath(machine: LockMachine, call: LockCall): ByteString {
  return machine.table.find(call.path)?.pathOf(call.name) ?? call.name;
}

function fileCreated(
  machine: LockMachine,
  _client: Client,
  call: LockCall,
  outcome: Outcome,
): Work {
  if (outcome.result === "done") return machine.reply();
  const what = `cannot create file '${fullPath(machine, call)}'`;
  // The original reports this one without a domain.
  return machine.reply(systemError(FROM_NONE, outcome.errno, what, outcome.reason));
}

function fileDeleted(
  machine: LockMachine,
  _client: Client,
  call: LockCall,
  outcome: Outcome,
): Work {
  if (outcome.result === "done") return machine.reply();
  if (outcome.result === "busy") return machine.reply(locked(call.name));
  const what = `Unable to delete lockspace resource ${fullPath(machine, call)}`;
  return machine.reply(systemError(FROM_LOCKSPACE, outcome.errno, what, outcome.reason));
}

const acquire = inLockspace((machine, client, call, lockspace) => {
  const resource = lockspace.resources.get(call.name);
  if (resource === undefined) {
    return machine.perform("lockFile", lockspace.pathOf(call.name), call.flags);
  }
  if (!isShared(resource) || (call.flags & SHARED) === 0) return machine.reply(locked(call.name));
  resource.owners.push((client.owner as Owner).pid);
  return machine.reply();
});

function acquireFailure(path: ByteString, call: LockCall, outcome: Outcome): RpcError {
  const opening = (call.flags & AUTOCREATE) !== 0 ? "open/create" : "open";
  switch (outcome.result) {
    case "busy":
      return locked(call.name);
    case "statFailed":
      return systemError(
        FROM_LOCKSPACE,
        outcome.errno,
        `Unable to check status of pid file '${path}'`,
        outcome.reason,
      );
    case "lockFailed":
      return systemError(
        FROM_LOCKSPACE,
        outcome.errno,
        `Unable to acquire lock on '${path}'`,
        outcome.reason,
      );
    default:
      return systemError(
        FROM_LOCKSPACE,
        outcome.errno,
        `Unable to ${opening} resource ${path}`,
        outcome.reason,
      );
  }
}

function fileLocked(machine: LockMachine, client: Client, call: LockCall, outcome: Outcome): Work {
  const lockspace = machine.table.find(call.path) as Lockspace;
  if (outcome.result !== "locked") {
    return machine.reply(acquireFailure(lockspace.pathOf(call.name), call, outcome));
  }
  const { fd, dev, ino } = outcome;
  const grant = { fd, dev, ino, flags: call.flags, sinceMs: machine.nowMs() };
  machine.table.insert(lockspace, call.name, grant, [(client.owner as Owner).pid]);
  return machine.reply();
}

const release = inLockspace((machine, client, call, lockspace) => {
  const resource = lockspace.resources.get(call.name);
  if (resource === undefined) {
    return machine.reply(
      resourceBusy(FROM_LOCKSPACE, `Lockspace resource '${call.name}' is not locked`),
    );
  }
  const pid = (client.owner as Owner).pid;
  if (!resource.owners.includes(pid)) {
    // The original prints the pid as a signed int.
    const detail = `owner ${pid | 0} does not hold the resource lock`;
    return machine.reply(internalError(FROM_LOCKSPACE, detail));
  }
  return machine.reply(undefined, machine.table.releaseOne(resource, pid));
});

function noFile(machine: LockMachine): Work {
  return machine.reply(internalError(FROM_RPC, "no file operation was under way"));
}

const ALLOWED_ACQUIRE_FLAGS = SHARED | AUTOCREATE;

/** Procedure × (call, outcome) → function. Index 0 is not a procedure. */
const PROCEDURES: readonly Procedure[] = [
  { name: "", allowedFlags: 0, needsOwner: false, begin: noFile, finish: noFile },
  { name: "Register", allowedFlags: 0, needsOwner: false, begin: register, finish: noFile },
  { name: "Restrict", allowedFlags: 0, needsOwner: true, begin: restrict, finish: noFile },
  { name: "New", allowedFlags: 0, needsOwner: true, begin: newLockspace, finish: lockspaceMade },
  {
    name: "CreateResource",
    allowedFlags: 0,
    needsOwner: true,
    begin: unlessLocked("createFile"),
    finish: fileCreated,
  },
  {
    name: "DeleteResource",
    allowedFlags: 0,
    needsOwner: true,
    begin: unlessLocked("deleteFile"),
    finish: fileDeleted,
  },
  {
    name: "AcquireResource",
    allowedFlags: ALLOWED_ACQUIRE_FLAGS,
    needsOwner: true,
    begin: acquire,
    finish: fileLocked,
  },
  { name: "ReleaseResource", allowedFlags: 0, needsOwner: true, begin: release, finish: noFile },
  {
    name: "CreateLockspace",
    allowedFlags: 0,
    needsOwner: false,
    begin: createLockspace,
    finish: lockspaceMade,
  },
];

/** By procedure number; 0 stands for calls of none. */
export const PROCEDURE_NAMES: readonly string[] = [
  "unknown",
  ...PROCEDURES.slice(1).map(({ name }) => name),
];
