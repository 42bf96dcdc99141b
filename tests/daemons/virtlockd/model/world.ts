/** The lock machine beside the reference, over one set of files: each step is done to both, and then everything is compared. */
import type { LockCall } from "../../../../daemons/virtlockd/lock_protocol.ts";
import {
  isShared,
  type Removal,
  type Resource,
  tableViolations,
} from "../../../../daemons/virtlockd/lockspace.ts";
import { type Client, LockMachine } from "../../../../daemons/virtlockd/machine.ts";
import type { RpcError } from "../../../../src/wire/rpc.ts";
import { ModelEffects } from "./effects.ts";
import { ModelFiles } from "./files.ts";
import { type Call, type Connection, type Lock, Reference } from "./reference.ts";
import { PEERS, PIDS, type Step } from "./steps.ts";

/** Thrown when machine and reference differ, or an invariant does not hold. */
export class ModelError extends Error {
  override name = "ModelError";
}

function hold(condition: boolean, what: () => string): void {
  if (!condition) throw new ModelError(what());
}

/** How often something worth seeing was seen, over all runs. */
export const seen = {
  granted: 0,
  sharedAgain: 0,
  grantedThroughAlias: 0,
  refusedThroughAlias: 0,
  parked: 0,
  unparked: 0,
  deaths: 0,
  faults: 0,
};

const UUID = new Uint8Array(16);

function replyText(error: RpcError | undefined): string {
  if (error === undefined) return "ok";
  const { code, domain, message, int1 } = error;
  return `${code}/${domain} ${message}${code === 38 ? `, int1 ${int1}` : ""}`;
}

function keyOf(directory: string, name: string): string {
  return `${directory}\0${name}`;
}

export class World {
  readonly files = new ModelFiles();
  readonly machine = new LockMachine(() => 0);
  readonly reference = new Reference(this.files);
  readonly #effects = new ModelEffects(this.files, this.machine.table);
  readonly #clients: Client[] = PEERS.map(() => ({ owner: undefined, restricted: false }));
  readonly #connections: Connection[] = PEERS.map(() => ({ owner: undefined, restricted: false }));
  readonly #dying = new Set<number>();

  /** Does a step and checks everything. Throws ModelError. */
  do(step: Step): void {
    switch (step.kind) {
      case "call":
        this.#call(step);
        break;
      case "disconnect":
        this.#disconnect(step.client);
        break;
      case "reap":
        this.#reap();
        break;
      case "elsewhere":
        this.#elsewhere(step);
    }
    this.check();
  }

  #elsewhere({ path, action }: Step & { kind: "elsewhere" }): void {
    const { files } = this;
    if (action === "r" || action === "w") return files.lockElsewhere(path, action);
    if (action === "unlock") return files.unlockElsewhere(path);
    if (action === "make") files.makeElsewhere(path);
    else files.removeElsewhere(path);
    this.reference.names[action === "make" ? "add" : "delete"](path);
  }

  #call({ client, call, fault }: Step & { kind: "call" }): void {
    this.files.fault = fault;
    if (fault !== undefined) seen.faults++;
    const heldBefore = this.reference.locks.length;
    const expected = this.reference.answer(this.#connections[client], call, fault);
    const reply = this.#answer(this.#clients[client], call);
    hold(reply === expected, () => `the reply is "${reply}", not "${expected}"`);
    this.files.fault = undefined;
    this.reference.settle();
    if (call.procedure === 6) this.#note(reply, heldBefore);
  }

  #note(reply: string, heldBefore: number): void {
    const { locks } = this.reference;
    const isNew = locks.length > heldBefore;
    if (isNew) seen.granted++;
    else if (reply === "ok") seen.sharedAgain++;
    const last = locks[locks.length - 1];
    if (isNew && locks.some((one) => one !== last && one.inode === last.inode)) {
      seen.grantedThroughAlias++;
    }
  }

  /** As the daemon does it: begin, the file operation if any, finish, then what is to be let go. */
  #answer(client: Client, fields: Call): string {
    const call: LockCall = { ...fields, uuid: UUID };
    let work = this.machine.begin(client, call);
    if (work.step !== "reply") {
      const outcome = this.#effects.perform(work);
      if (outcome.result === "busy" && work.step === "lockFile") this.#noteRefusal(work.path);
      work = this.machine.finish(client, call, outcome);
      hold(work.step === "reply", () => `finish() asks for ${work.step}`);
    }
    if (work.removal !== undefined) this.#drop(work.removal);
    return replyText(work.error);
  }

  #noteRefusal(path: string): void {
    const inode = this.files.entry(path);
    if (this.reference.locks.some((lock) => lock.inode === inode)) seen.refusedThroughAlias++;
  }

  #drop(removal: Removal): void {
    seen.unparked += Math.max(0, removal.close.length - 1);
    this.#effects.drop(removal);
  }

  /** The end of a holder's own connection is the end of the holder; that of any other changes nothing. */
  #disconnect(client: number): void {
    const { owner } = this.#connections[client];
    if (owner === PEERS[client] && this.reference.isHolder(owner)) this.#dying.add(owner);
    this.#clients[client] = { owner: undefined, restricted: false };
    this.#connections[client] = { owner: undefined, restricted: false };
  }

  #reap(): void {
    for (const pid of this.#dying) {
      seen.deaths++;
      this.reference.dies(pid);
      for (const removal of this.machine.table.releaseAll(pid)) this.#drop(removal);
    }
    this.#dying.clear();
  }

  /** Ends the service: everything is let go. */
  end(): void {
    for (const removal of this.machine.table.clear()) this.#drop(removal);
    hold(this.machine.table.size === 0, () => "locks are left at the end");
    hold(this.files.descriptors.length === 0, () => `left open: ${this.files.descriptors}`);
    hold(this.files.locks.size === 0, () => "the kernel has locks left");
  }

  check(): void {
    const violations = tableViolations(this.machine.table);
    hold(violations.length === 0, () => violations.join(", "));
    this.#checkTable();
    this.#checkKernel();
    const names = this.files.names;
    const expected = this.reference.names;
    hold(
      names.length === expected.size && names.every((name) => expected.has(name)),
      () => `the files are ${names}, not ${[...expected]}`,
    );
  }

  #checkTable(): void {
    const { table } = this.machine;
    const { locks, directories } = this.reference;
    const made = [...table.named.keys()];
    hold(made.join() === directories.join(), () => `lockspaces ${made}, not ${directories}`);
    const expected = new Map(locks.map((lock) => [keyOf(lock.directory, lock.name), lock]));
    hold(table.size === expected.size, () => `${table.size} locks, not ${expected.size}`);
    for (const resource of table.resources()) {
      const key = keyOf(resource.lockspace.directory, resource.name);
      const lock = expected.get(key);
      hold(lock !== undefined && isSame(resource, lock), () => `${key} differs`);
    }
    for (const pid of PIDS) {
      const isHolder = this.reference.isHolder(pid);
      hold(table.isHolder(pid) === isHolder, () => `process ${pid} is a holder: ${isHolder}`);
    }
  }

  /** The kernel has a lock for every file in the table and no other, and the descriptors that it takes are open. */
  #checkKernel(): void {
    const { table } = this.machine;
    const { locks, descriptors } = this.files;
    const known: number[] = [];
    let held = 0;
    for (const { dev, ino, resources, parked } of table.inodes()) {
      held++;
      seen.parked += parked.length;
      known.push(...resources.map(({ fd }) => fd), ...parked);
      const type = [...locks].find(([inode]) => inode.dev === dev && inode.ino === ino)?.[1];
      const expected = isShared(resources[0]) ? "r" : "w";
      hold(type === expected, () => `the lock on ${dev}:${ino} is ${type}, not ${expected}`);
    }
    hold(locks.size === held, () => `the kernel has ${locks.size} locks, the table ${held}`);
    known.sort((a, b) => a - b);
    hold(known.join() === descriptors.join(), () => `open are ${descriptors}, known ${known}`);
  }
}

function isSame(resource: Resource, lock: Lock): boolean {
  const { inode, flags, owners } = resource;
  return lock.inode?.dev === inode.dev && lock.inode.ino === inode.ino && lock.flags === flags &&
    owners.join() === lock.owners.join();
}
