/**
 * What is on its way when our virtlockd re-executes itself arrives: half-read requests, replies
 * nobody has read yet, requests of busy clients. The C daemon loses all three.
 */
import { assert, assertEquals } from "@std/assert";
import type { Client } from "./client.ts";
import * as frames from "./client_frames.ts";
import { ClientProcess } from "./client_process.ts";
import { acquire, assertSuccess, LOCKSPACE, register, release } from "./handover_stage.ts";
import { Stage, succeed } from "./handover_stage.ts";
import { type Daemon, LOCK_SOCKET, pause } from "./lab_daemon.ts";
import {
  C_COMPILER,
  type Candidate,
  candidates,
  nativeTest,
  original,
  ours,
} from "./native_test.ts";

/** Time for the daemon to read what there is to read. */
const READ_MS = 100;
const BUSY_CLIENTS = 50;
const REEXECS = 5;
const PIPELINED = 3000;
/** Ends the wait for replies that will never come. */
const DEADLINE_MS = 20_000;

/** Every error about it repeats this name. */
const LONG_NAME = "n".repeat(1000);

async function reexec(daemon: Daemon): Promise<void> {
  await pause(READ_MS);
  assert(await daemon.reexec(), `no re-exec\n${daemon.stderr}`);
}

/** One client for every place at which a request can be cut in two. */
async function cutEverywhere(): Promise<void> {
  await using stage = await Stage.open(ours.path);
  const size = acquire("cut-000", 1).length;
  const clients: Client[] = [];
  const whole = (index: number): Uint8Array =>
    acquire(`cut-${String(index).padStart(3, "0")}`, index);
  for (let cut = 1; cut < size; cut++) {
    const client = await stage.connectOwner();
    clients.push(client);
    await client.send(whole(cut).subarray(0, cut));
  }
  await reexec(stage.daemon);
  for (const [index, client] of clients.entries()) {
    await client.send(whole(index + 1).subarray(index + 1));
    assertSuccess(await client.inbox.frameWithin(5000), index + 1);
  }
}

/** A long request comes in three pieces with a re-exec between each two, then a second request. */
async function cutTwice(): Promise<void> {
  await using stage = await Stage.open(ours.path);
  const client = await stage.connectOwner();
  const padding = new Uint8Array(3 << 20);
  const long = frames.frame(
    frames.callHeader("ACQUIRE_RESOURCE", 7),
    frames.resourceArguments(LOCKSPACE, "long", frames.AcquireFlag.autocreate),
    padding,
  );
  for (const [from, to] of [[0, 1 << 20], [1 << 20, 2 << 20]]) {
    await client.send(long.subarray(from, to));
    await reexec(stage.daemon);
  }
  await client.send(frames.concat(long.subarray(2 << 20), release("long", 8)));
  assertSuccess(await client.inbox.frameWithin(5000), 7);
  assertSuccess(await client.inbox.frameWithin(5000), 8);
}

/** Far more replies than the socket holds are waiting, and as many requests behind them. */
async function unread(): Promise<void> {
  await using stage = await Stage.open(ours.path);
  const path = stage.lab.outside(LOCK_SOCKET);
  const socket = await Deno.connect({ transport: "unix", path });
  const deadline = setTimeout(() => socket.close(), DEADLINE_MS);
  const requests = [register(1)];
  for (let serial = 1; serial <= PIPELINED; serial++) requests.push(release(LONG_NAME, serial));
  const sending = sendAll(socket, frames.concat(...requests));
  await reexec(stage.daemon);
  await reexec(stage.daemon);
  const serials = await receiveSerials(socket, requests.length);
  assertEquals(serials, Array.from(requests, (_, serial) => serial));
  await sending;
  clearTimeout(deadline);
  socket.close();
}

async function sendAll(socket: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await socket.write(bytes.subarray(sent));
}

async function receiveSerials(socket: Deno.Conn, count: number): Promise<number[]> {
  const serials: number[] = [];
  while (serials.length < count) {
    const [length] = words(await receiveExactly(socket, frames.LENGTH_BYTES));
    const rest = words(await receiveExactly(socket, length - frames.LENGTH_BYTES));
    serials.push(rest[4]);
  }
  return serials;
}

function words(bytes: Uint8Array): number[] {
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 4 }, (_, index) => view.getUint32(index * 4));
}

async function receiveExactly(socket: Deno.Conn, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  for (let used = 0; used < size;) {
    const n = await socket.read(bytes.subarray(used));
    if (n === null) throw new Error("the connection was closed");
    used += n;
  }
  return bytes;
}

/** Acquires and releases a resource of its own until told to stop; gives the number of replies. */
async function keepBusy(client: Client, name: string, stop: AbortSignal): Promise<number> {
  let serial = 1;
  for (; !stop.aborted; serial += 2) {
    await succeed(client, acquire(name, serial));
    await succeed(client, release(name, serial + 1));
  }
  return serial - 1;
}

/** Every request of clients that never rest gets its reply, whatever runs at the moment. */
async function busy(successors: readonly Candidate[]): Promise<void> {
  await using stage = await Stage.open(ours.path);
  const stop = new AbortController();
  const names = Array.from({ length: BUSY_CLIENTS }, (_, index) => `busy-${index}`);
  const clients: Client[] = [];
  for (const _ of names) clients.push(await stage.connectOwner());
  const work = clients.map((client, index) => keepBusy(client, names[index], stop.signal));
  for (const { path } of successors) {
    await stage.install(path);
    await reexec(stage.daemon);
  }
  await pause(READ_MS);
  stop.abort();
  const replies = await Promise.all(work);
  assert(replies.every((count) => count > successors.length), `${replies}`);
}

/** The holder lost its connection and ignores SIGTERM: it is owed a SIGKILL after 1.6 s. */
async function killsAfter(binary: string): Promise<void> {
  await using stage = await Stage.open(binary);
  await using holder = await ClientProcess.start(stage.lab);
  await holder.command("ignore-term");
  const connection = await holder.connect("only", LOCK_SOCKET);
  await connection.send(register(holder.pid));
  await connection.send(acquire("held", 1));
  assertSuccess(await connection.inbox.frameWithin(5000), 0);
  assertSuccess(await connection.inbox.frameWithin(5000), 1);
  await connection.close();
  await reexec(stage.daemon);
  assertEquals(await holder.endWithin(5000), "SIGKILL");
}

const own = [ours.path];
nativeTest("SIGUSR1 loses no byte of a request, wherever it is cut", own, cutEverywhere);
nativeTest("SIGUSR1 twice within one long request loses no byte of it", own, cutTwice);
nativeTest("SIGUSR1 loses no reply that its client has not read yet", own, unread);
const often = Array<Candidate>(REEXECS).fill(ours);
const clients = `${BUSY_CLIENTS} busy clients`;
nativeTest(`SIGUSR1 ${REEXECS} times loses no reply to ${clients}`, own, () => busy(often));
const both = [ours.path, original.path];
nativeTest(`SIGUSR1 to the C daemon loses no reply to ${clients}`, both, () => busy([original]));
for (const { label, path } of candidates) {
  const name = `SIGUSR1 does not spare a holder that is being killed (${label})`;
  nativeTest(name, [path, C_COMPILER], () => killsAfter(path));
}
