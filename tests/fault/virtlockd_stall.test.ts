/**
 * virtlockd drops who stalls, at the limit it states, and nobody else: connection_stall.test.ts with the shipped binary and real
 * time. It takes a minute of waiting, in which all cases wait side by side.
 */
import { assert, assertEquals } from "@std/assert";
import { STALL_CHECK_MS } from "../../daemons/virtlockd/limits.ts";
import { Client } from "../native/virtlockd/client.ts";
import * as frames from "../native/virtlockd/client_frames.ts";
import { ClientProcess } from "../native/virtlockd/client_process.ts";
import type { Lab } from "../native/virtlockd/lab.ts";
import { LOCK_SOCKET, pause } from "../native/virtlockd/lab_daemon.ts";
import { Caller } from "./helpers/caller.ts";
import { eventually } from "./helpers/eventually.ts";
import { kernelLocks } from "./helpers/kernel_locks.ts";
import { residentMegabytes } from "./helpers/process_status.ts";
import { LEASES, obstacle, register, setStage } from "./helpers/stage.ts";

/** Nobody is dropped before, and everybody who stalls after. */
const EARLY_MS = STALL_CHECK_MS - 5_000;
const LATE_MS = STALL_CHECK_MS + 5_000;
const DRIP_MS = 1_000;
/** What a client sends that reads nothing, if the daemon takes it. */
const FLOOD_BYTES = 64 << 20;
/** Both socket buffers and what is read at once: what the daemon takes of it is far less. */
const MOST_TAKEN_BYTES = 4 << 20;
/** Growth of the daemon that a flood in front of it explains. */
const MOST_GROWTH_MB = 24;
/** More than the daemon reads and both socket buffers hold, and less than a line of the helper. */
const GUEST_REQUESTS = 450;

/** Its reply is three times as long. */
const request = frames.frame(
  frames.callHeader("RELEASE_RESOURCE", 1),
  frames.resourceArguments(LEASES, "n".repeat(1000), 0),
);

function requests(count: number): Uint8Array {
  return frames.concat(...Array.from({ length: count }, () => request));
}

/** The beginning of a message that announces more. */
function unfinished(announced: number): Uint8Array {
  const bytes = request.slice(0, 100);
  new DataView(bytes.buffer).setUint32(0, announced);
  return bytes;
}

/** Sends as long as the connection lives, and reads nothing; how many bytes the socket took. */
async function flood(lab: Lab): Promise<number> {
  using socket = await Deno.connect({ transport: "unix", path: lab.outside(LOCK_SOCKET) });
  const many = requests(64);
  let sent = 0;
  try {
    while (sent < FLOOD_BYTES) sent += await socket.write(many.subarray(sent % many.length));
  } catch (error) {
    const ended = error instanceof Deno.errors.BrokenPipe ||
      error instanceof Deno.errors.ConnectionReset;
    if (!ended) throw error;
  }
  return sent;
}

/** A client that sends the beginning of a message, and then a byte now and then if it drips. */
class Loris implements AsyncDisposable {
  readonly #dripping: Promise<void>;

  private constructor(readonly client: Client, drips: boolean) {
    this.#dripping = drips ? this.#drip() : Promise.resolve();
  }

  static async begin(lab: Lab, bytes: Uint8Array, drips = false): Promise<Loris> {
    const client = await Client.connect(lab.outside(LOCK_SOCKET));
    await client.send(bytes);
    return new Loris(client, drips);
  }

  async #drip(): Promise<void> {
    while (!this.client.inbox.closed) {
      await this.client.send(new Uint8Array(1));
      await pause(DRIP_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.client.close();
    await this.#dripping;
  }
}

/** The connection of a guest that holds a lock. */
async function holder(guest: ClientProcess): Promise<Caller> {
  const caller = await Caller.guest(guest);
  assertEquals(await caller.acquire(LEASES, `of-${guest.pid}`), "ok");
  return caller;
}

/** Goes on as if nothing was; how often it was served. */
async function keepServed(caller: Caller, stop: AbortSignal): Promise<number> {
  let served = 0;
  for (; !stop.aborted; served++) {
    assertEquals(await caller.acquire(LEASES, "busy"), "ok");
    assertEquals(await caller.release(LEASES, "busy"), "ok");
    await pause(DRIP_MS / 4);
  }
  return served;
}

/** The stalling clients, by what is wrong with them. */
async function lorises(lab: Lab, stack: AsyncDisposableStack): Promise<Map<string, Client>> {
  const found = new Map<string, Client>();
  const begin = async (what: string, bytes: Uint8Array, drips: boolean): Promise<void> => {
    found.set(what, stack.use(await Loris.begin(lab, bytes, drips)).client);
  };
  await begin("a part of a length", new Uint8Array(3), false);
  await begin("a part of a message", unfinished(1000), false);
  await begin("a message that drips", unfinished(1000), true);
  await begin("a message of 32 MiB that drips", unfinished(32 << 20), true);
  return found;
}

function closedOnes(clients: ReadonlyMap<string, Client>): string[] {
  return [...clients].filter(([, { inbox }]) => inbox.closed).map(([what]) => what);
}

async function dropsWhoStalls(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage());
  const [busy, idle] = [stack.use(await Caller.connect(lab)), stack.use(await Caller.connect(lab))];
  assertEquals(await busy.createLockspace(LEASES), "ok");
  const guests = [
    stack.use(await ClientProcess.start(lab)),
    stack.use(await ClientProcess.start(lab)),
  ];
  const [stuck, deaf] = [await holder(guests[0]), await holder(guests[1])];
  const before = await residentMegabytes(daemon.pid);

  const stalling = await lorises(lab, stack);
  const flooding = flood(lab);
  await stuck.connection.send(unfinished(1000));
  // The guest waits in send(2) until it dies, since nobody reads the replies.
  const sending = deaf.connection.send(requests(GUEST_REQUESTS));
  const stop = new AbortController();
  const serving = keepServed(busy, stop.signal);

  await pause(EARLY_MS);
  assertEquals(closedOnes(stalling), []);
  const growth = await residentMegabytes(daemon.pid) - before;
  assert(growth <= MOST_GROWTH_MB, `grew by ${growth} MB`);
  await pause(LATE_MS - EARLY_MS);
  assertEquals(closedOnes(stalling), [...stalling.keys()]);
  const taken = await flooding;
  assert(taken <= MOST_TAKEN_BYTES, `${taken} bytes were taken`);

  stop.abort();
  const served = await serving;
  assert(served > LATE_MS / DRIP_MS, `served ${served} times`);
  assertEquals(await idle.ping(), "PONG");
  assertEquals(guests.map(({ fate }) => fate), [null, null], daemon.stderr);
  assertEquals((await kernelLocks(lab)).length, guests.length);
  guests[0].kill("SIGKILL");
  guests[1].kill("SIGKILL");
  await sending;
  await eventually("the locks to go", async () => (await kernelLocks(lab)).length === 0);
  console.log(
    `grew by ${growth.toFixed(1)} MB; took ${taken} bytes; served another ${served} times`,
  );
}

register(
  "virtlockd drops clients that stall within their limit and serves the others, and no holder of locks is dropped",
  await obstacle("/usr/bin/cc"),
  dropsWhoStalls,
);
