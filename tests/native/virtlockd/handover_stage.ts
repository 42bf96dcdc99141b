/** A daemon in a lab whose program can be replaced, and clients that do as the tests say. */
import { assertEquals } from "@std/assert";
import { Client } from "./client.ts";
import * as frames from "./client_frames.ts";
import { Lab, type LabOptions } from "./lab.ts";
import { type Daemon, type DaemonOptions, LOCK_SOCKET } from "./lab_daemon.ts";
import { locksOf } from "./lab_locks.ts";

/** The program of the daemon, and a link to it. */
export const PROGRAM = "/srv/sbin/virtlockd";
export const LINK = "/srv/link/virtlockd";
export const STATE_FILE = "/run/virtlockd-restart-exec.json";
export const LOCKSPACE = "/srv/leases";

export interface StageOptions {
  readonly lab?: LabOptions;
  readonly daemon?: DaemonOptions;
}

export class Stage implements AsyncDisposable {
  readonly lab: Lab;
  readonly #guests = new AsyncDisposableStack();
  #daemon: Daemon | undefined;

  private constructor(lab: Lab) {
    this.lab = this.#guests.use(lab);
  }

  /** A copy of the binary runs as PROGRAM and has made LOCKSPACE. */
  static async open(binary: string, { lab, daemon }: StageOptions = {}): Promise<Stage> {
    const stage = new Stage(await Lab.open(lab));
    for (const folder of ["/srv/sbin", "/srv/link"]) await Deno.mkdir(stage.lab.outside(folder));
    await stage.install(binary);
    await Deno.symlink(PROGRAM, stage.lab.outside(LINK));
    stage.#daemon = await stage.lab.start(PROGRAM, { openFiles: 8192, ...daemon });
    const client = await stage.connectOwner();
    await succeed(client, request("CREATE_LOCKSPACE", 1, frames.pathArguments(LOCKSPACE)));
    await client.close();
    return stage;
  }

  get daemon(): Daemon {
    if (!this.#daemon) throw new Error("the daemon has not been started");
    return this.#daemon;
  }

  /** Puts another program in the place of the daemon's by rename. */
  async install(binary: string): Promise<void> {
    await Deno.copyFile(binary, this.lab.outside(`${PROGRAM}.new`));
    await Deno.rename(this.lab.outside(`${PROGRAM}.new`), this.lab.outside(PROGRAM));
  }

  /** Disposed of with the stage. */
  use<T extends AsyncDisposable>(guest: T): T {
    return this.#guests.use(guest);
  }

  /** A connection that has not said anything. */
  async connect(): Promise<Client> {
    return this.use(await Client.connect(this.lab.outside(LOCK_SOCKET)));
  }

  /** A connection registered for init, which is nobody's to kill. */
  async connectOwner(): Promise<Client> {
    const client = await this.connect();
    await succeed(client, register(1));
    return client;
  }

  /** `ACCESS DEVICE:INODE` of every lock of the daemon, its pid file's too. */
  async locks(): Promise<string[]> {
    const all = await locksOf(this.daemon.pid);
    return all.map(({ access, identity }) => `${access} ${identity}`).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guests.disposeAsync();
  }
}

export function request(
  procedure: frames.LockProcedure,
  serial: number,
  payload: Uint8Array,
): Uint8Array {
  return frames.frame(frames.callHeader(procedure, serial), payload);
}

export function register(pid: number): Uint8Array {
  const owner = { uuid: frames.someUuid, name: "owner", id: 1, pid };
  return request("REGISTER", 0, frames.registerArguments(owner));
}

/** With AUTOCREATE. */
export function acquire(name: frames.Text, serial = 1, path = LOCKSPACE): Uint8Array {
  const flags = frames.AcquireFlag.autocreate;
  return request("ACQUIRE_RESOURCE", serial, frames.resourceArguments(path, name, flags));
}

export function release(name: frames.Text, serial = 1, path = LOCKSPACE): Uint8Array {
  return request("RELEASE_RESOURCE", serial, frames.resourceArguments(path, name));
}

/** Throws an Error if no reply comes within 10 s, an AssertionError if it is not this success. */
export async function succeed(client: Client, bytes: Uint8Array): Promise<void> {
  assertSuccess(await client.call(bytes), frames.decodeHeader(bytes).serial);
}

export function assertSuccess(reply: Uint8Array | undefined, serial: number): void {
  if (!reply) throw new Error(`no reply to the request ${serial}`);
  const { serial: answered, status } = frames.decodeHeader(reply);
  assertEquals({ answered, status }, { answered: serial, status: frames.Status.ok });
}

/** The request is answered by an error. */
export async function fail(client: Client, bytes: Uint8Array): Promise<void> {
  const reply = await client.call(bytes);
  if (!reply) throw new Error("no reply");
  assertEquals(frames.decodeHeader(reply).status, frames.Status.error);
}
