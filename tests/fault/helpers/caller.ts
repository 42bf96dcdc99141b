/** A client of the lock socket that speaks in whole calls: one request, one reply, its outcome in words. */
import { assert } from "@std/assert";
import { Client, type Connection } from "../../native/virtlockd/client.ts";
import { describe } from "../../native/virtlockd/client_describe.ts";
import * as frames from "../../native/virtlockd/client_frames.ts";
import type { ClientProcess } from "../../native/virtlockd/client_process.ts";
import type { Lab } from "../../native/virtlockd/lab.ts";
import { LOCK_SOCKET } from "../../native/virtlockd/lab_daemon.ts";

/** The owner of locks whose connections may come and go: init is nobody's to kill. */
export const INIT = 1;
export const SHARED: number = frames.AcquireFlag.shared;
export const AUTOCREATE: number = frames.AcquireFlag.autocreate;

/** A daemon may have to be started for the first call, on a machine that has much else to do. */
const PATIENCE_MS = 60_000;

export class Caller implements AsyncDisposable {
  #serial = 0;

  constructor(readonly connection: Connection) {}

  /** A connection of the test process, registered for another process. */
  static async connect(lab: Lab, pid = INIT, socket = LOCK_SOCKET): Promise<Caller> {
    const caller = new Caller(await Client.connect(lab.outside(socket)));
    await caller.register(pid);
    return caller;
  }

  /** The connection of a guest: a process that the daemon ends when it loses the connection. */
  static async guest(process: ClientProcess, name = "guest"): Promise<Caller> {
    const caller = new Caller(await process.connect(name, LOCK_SOCKET));
    await caller.register(process.pid);
    return caller;
  }

  get closed(): boolean {
    return this.connection.inbox.closed;
  }

  /** `ok`, the error in words, or `closed`. Throws an Error if a minute passes without any of them. */
  async call(procedure: frames.LockProcedure, payload: Uint8Array): Promise<string> {
    await this.send(procedure, payload);
    return await this.answer(procedure);
  }

  async send(procedure: frames.LockProcedure, payload: Uint8Array): Promise<void> {
    const serial = ++this.#serial;
    await this.connection.send(frames.frame(frames.callHeader(procedure, serial), payload));
  }

  /** The outcome of the last request that was sent. */
  async answer(procedure: frames.LockProcedure): Promise<string> {
    const reply = await this.connection.inbox.frameWithin(PATIENCE_MS);
    if (reply !== undefined) {
      return withoutPrefix(describe(reply), `${procedure} #${this.#serial} `);
    }
    assert(this.closed, `no answer to ${procedure} within ${PATIENCE_MS} ms`);
    return "closed";
  }

  async ping(): Promise<string> {
    await this.connection.send(frames.ping);
    const reply = await this.connection.inbox.frameWithin(PATIENCE_MS);
    return reply === undefined ? "closed" : describe(reply);
  }

  register(pid: number, name: frames.Text = "owner"): Promise<string> {
    const owner = { uuid: frames.someUuid, name, id: 1, pid };
    return this.call("REGISTER", frames.registerArguments(owner));
  }

  restrict(): Promise<string> {
    return this.call("RESTRICT", frames.u32(0));
  }

  newLockspace(path: frames.Text): Promise<string> {
    return this.call("NEW", frames.pathArguments(path, 0));
  }

  createLockspace(path: frames.Text): Promise<string> {
    return this.call("CREATE_LOCKSPACE", frames.pathArguments(path));
  }

  create(path: frames.Text, name: frames.Text): Promise<string> {
    return this.call("CREATE_RESOURCE", frames.resourceArguments(path, name, 0));
  }

  delete(path: frames.Text, name: frames.Text): Promise<string> {
    return this.call("DELETE_RESOURCE", frames.resourceArguments(path, name, 0));
  }

  acquire(path: frames.Text, name: frames.Text, flags = AUTOCREATE): Promise<string> {
    return this.call("ACQUIRE_RESOURCE", frames.resourceArguments(path, name, flags));
  }

  release(path: frames.Text, name: frames.Text): Promise<string> {
    return this.call("RELEASE_RESOURCE", frames.resourceArguments(path, name, 0));
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** An answer to anything but the request that is open is an error of the daemon. */
function withoutPrefix(text: string, prefix: string): string {
  assert(text.startsWith(prefix), `"${text}" is no answer to "${prefix}"`);
  return text.slice(prefix.length);
}

/** The outcome of an acquire or a release that met a lock. */
export function isLocked(name: string): string {
  return `error 87/51 "Lockspace resource '${name}' is locked"`;
}
