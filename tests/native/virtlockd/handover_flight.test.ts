/**
 * What is on its way when our virtlockd re-executes itself arrives: half-read requests, replies
 * nobody has read yet, requests of busy clients. The C daemon loses all three.
 */
import { assert, assertEquals } from "@std/assert";
import { Client } from "./client.ts";
import * as frames from "./client_frames.ts";
import { ClientProcess } from "./client_process.ts";
import { Lab } from "./lab.ts";
import { type Daemon, LOCK_SOCKET, pause } from "./lab_daemon.ts";
import { candidates, nativeTest, ours } from "./native_test.ts";

const LOCKSPACE = "/srv/leases";
/** Time for the daemon to read what there is to read. */
const READ_MS = 100;
const BUSY_CLIENTS = 50;
const REEXECS = 5;
const PIPELINED = 3000;
/** Ends the wait for replies that will never come. */
const DEADLINE_MS = 20_000;

/** Names the reply: every error about it repeats this. */
const LONG_NAME = "n".repeat(1000);

function request(procedure: frames.LockProcedure, serial: number, payload: Uint8Array): Uint8Array {
  return frames.frame(frames.callHeader(procedure, serial), payload);
}

function acquire(name: string, serial: number): Uint8Array {
  const flags = frames.AcquireFlag.autocreate;
  return request("ACQUIRE_RESOURCE", serial, frames.resourceArguments(LOCKSPACE, name, flags));
}

function release(name: string, serial: number): Uint8Array {
  return request("RELEASE_RESOURCE", serial, frames.resourceArguments(LOCKSPACE, name));
}

async function succeed(client: Client, bytes: Uint8Array): Promise<void> {
  assertSuccess(await client.call(bytes), frames.decodeHeader(bytes).serial);
}

function assertSuccess(reply: Uint8Array | undefined, serial: number): void {
  if (!reply) throw new Error(`no reply to the request ${serial}`);
  const { serial: answered, status } = frames.decodeHeader(reply);
  assertEquals({ answered, status }, { answered: serial, status: frames.Status.ok });
}

/** A client registered for `pid`, 1 unless given: init is nobody's to kill. */
async function connect(lab: Lab, pid = 1): Promise<Client> {
  const client = await Client.connect(lab.outside(LOCK_SOCKET));
  const owner = { uuid: frames.someUuid, name: "owner", id: 1, pid };
  await succeed(client, request("REGISTER", 0, frames.registerArguments(owner)));
  return client;
}

interface Stage extends AsyncDisposable {
  readonly lab: Lab;
  readonly daemon: Daemon;
}

async function setStage(binary = ours.path): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  const daemon = await lab.start(binary);
  await using client = await connect(lab);
  await succeed(client, request("CREATE_LOCKSPACE", 1, frames.pathArguments(LOCKSPACE)));
  const moved = stack.move();
  return { lab, daemon, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

async function reexec(daemon: Daemon): Promise<void> {
  await pause(READ_MS);
  assert(await daemon.reexec(), `no re-exec\n${daemon.stderr}`);
}

/** One client for every place at which a request can be cut in two. */
async function cutEverywhere(): Promise<void> {
  await using stage = await setStage();
  const size = acquire("cut-000", 1).length;
  const clients: Client[] = [];
  const whole = (index: number): Uint8Array =>
    acquire(`cut-${String(index).padStart(3, "0")}`, index);
  for (let cut = 1; cut < size; cut++) {
    const client = await connect(stage.lab);
    clients.push(client);
    await client.send(whole(cut).subarray(0, cut));
  }
  await reexec(stage.daemon);
  for (const [index, client] of clients.entries()) {
    await client.send(whole(index + 1).subarray(index + 1));
    assertSuccess(await client.inbox.frameWithin(5000), index + 1);
    await client.close();
  }
}

/** A long request comes in three pieces with a re-exec between each two, then a second request. */
async function cutTwice(): Promise<void> {
  await using stage = await setStage();
  await using client = await connect(stage.lab);
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
  await using stage = await setStage();
  const path = stage.lab.outside(LOCK_SOCKET);
  const socket = await Deno.connect({ transport: "unix", path });
  const deadline = setTimeout(() => socket.close(), DEADLINE_MS);
  const owner = { uuid: frames.someUuid, name: "owner", id: 1, pid: 1 };
  const requests = [request("REGISTER", 0, frames.registerArguments(owner))];
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

async function busy(): Promise<void> {
  await using stage = await setStage();
  const stop = new AbortController();
  const names = Array.from({ length: BUSY_CLIENTS }, (_, index) => `busy-${index}`);
  const clients: Client[] = [];
  for (const _ of names) clients.push(await connect(stage.lab));
  const work = clients.map((client, index) => keepBusy(client, names[index], stop.signal));
  for (let count = 0; count < REEXECS; count++) await reexec(stage.daemon);
  await pause(READ_MS);
  stop.abort();
  const replies = await Promise.all(work);
  assert(replies.every((count) => count > REEXECS), `${replies}`);
  for (const client of clients) await client.close();
}

/** The holder lost its connection and ignores SIGTERM: it is owed a SIGKILL after 1.6 s. */
async function killsAfter(binary: string): Promise<void> {
  await using stage = await setStage(binary);
  await using holder = await ClientProcess.start(stage.lab);
  await holder.command("ignore-term");
  const connection = await holder.connect("only", LOCK_SOCKET);
  const owner = { uuid: frames.someUuid, name: "holder", id: 1, pid: holder.pid };
  await connection.send(request("REGISTER", 1, frames.registerArguments(owner)));
  await connection.send(acquire("held", 2));
  assertSuccess(await connection.inbox.frameWithin(5000), 1);
  assertSuccess(await connection.inbox.frameWithin(5000), 2);
  await connection.close();
  await reexec(stage.daemon);
  assertEquals(await holder.endWithin(5000), "SIGKILL");
}

const own = [ours.path];
nativeTest("SIGUSR1 loses no byte of a request, wherever it is cut", own, cutEverywhere);
nativeTest("SIGUSR1 twice within one long request loses no byte of it", own, cutTwice);
nativeTest("SIGUSR1 loses no reply that its client has not read yet", own, unread);
nativeTest(`SIGUSR1 ${REEXECS} times loses no reply to ${BUSY_CLIENTS} busy clients`, own, busy);
for (const { label, path } of candidates) {
  const name = `SIGUSR1 does not spare a holder that is being killed (${label})`;
  nativeTest(name, [path], () => killsAfter(path));
}
