/** virt-admin, libvirt's own tool, must not be able to tell our virtlockd from the C daemon. */
import { assertEquals, equal } from "@std/assert";
import { Client } from "./client.ts";
import * as frames from "./client_frames.ts";
import { type CommandOptions, Lab } from "./lab.ts";
import { type Daemon, LOCK_SOCKET, pause } from "./lab_daemon.ts";
import { nativeTest, original, ours } from "./native_test.ts";
import { type Talk, talks } from "./virt_admin_talks.ts";

interface Said {
  readonly command: string;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What came of a talk: the answers, and whom the daemon still serves. */
interface Outcome {
  readonly said: readonly Said[];
  readonly connected: Readonly<Record<string, boolean>>;
}

const SYSTEM = "virtlockd:///system";
async function say(lab: Lab, uri: string, command: string, as: CommandOptions): Promise<Said> {
  const { code, stdout, stderr } = await lab
    .command("virt-admin", { ...as, args: ["-c", uri, command] }).output();
  return { command, code, stdout: normal(stdout), stderr: normal(stderr) };
}

/** Hides what must differ: times, the pid of virt-admin itself, the random order of the servers. */
function normal(output: Uint8Array): string {
  return new TextDecoder().decode(output)
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d{4}/g, "TIME")
    .replaceAll(/(unix_process_id *: )(\d+)/g, (_, key, pid) => key + nameOf(Number(pid)))
    .replaceAll(/( \d +(?:admin|virtlockd)\n){2}/g, " 0 admin\n 1 virtlockd\n");
}

function nameOf(pid: number): string {
  return pid === Deno.pid ? "TEST" : "OTHER";
}

async function registered(path: string): Promise<Client> {
  const client = await Client.connect(path);
  const owner = { uuid: frames.someUuid, name: "owner", id: 1, pid: 1 };
  const header = frames.callHeader("REGISTER", 1);
  await client.call(frames.frame(header, frames.registerArguments(owner)));
  return client;
}

async function isConnected(client: Client): Promise<boolean> {
  if (client.inbox.closed) return false;
  await client.send(frames.ping);
  return await client.inbox.frameWithin(1000) !== undefined;
}

async function talk({ commands, pauseMs = 0 }: Talk, binary: string): Promise<Outcome> {
  await using lab = await Lab.open();
  const daemon = await lab.start(binary);
  await using first = await registered(lab.outside(LOCK_SOCKET));
  await using second = await Client.connect(lab.outside(LOCK_SOCKET));
  const said: Said[] = [];
  for (const command of commands) said.push(await say(lab, SYSTEM, command, {}));
  await pause(pauseMs);
  const connected = { registered: await isConnected(first), silent: await isConnected(second) };
  assertEquals(daemon.ended, undefined, daemon.stderr);
  return { said, connected };
}

/** A session daemon and its own user's virt-admin. */
async function talkInSession(commands: readonly string[], binary: string): Promise<Said[]> {
  await using lab = await Lab.open();
  const [uid, said] = [65534, [] as Said[]];
  const as = { uid, env: await lab.session(uid) };
  await lab.start(binary, { ...as, socket: `${as.env.XDG_RUNTIME_DIR}/libvirt/virtlockd-sock` });
  for (const command of commands) said.push(await say(lab, "virtlockd:///session", command, as));
  return said;
}

/** `daemon-timeout 1` and nobody connected: the daemon ends in order, a second later. */
async function endsAfterTimeout(binary: string): Promise<{ code: number; inTime: boolean }> {
  await using lab = await Lab.open();
  const daemon = await lab.start(binary);
  await say(lab, SYSTEM, "daemon-timeout --timeout 1", {});
  const start = performance.now();
  const { code } = await endOf(daemon);
  const seconds = (performance.now() - start) / 1000;
  return { code, inTime: seconds > 0.8 && seconds < 3 };
}

async function endOf(daemon: Daemon): Promise<{ code: number }> {
  for (let waitedMs = 0; waitedMs < 5000 && !daemon.ended; waitedMs += 20) await pause(20);
  return { code: daemon.ended?.code ?? -1 };
}

async function ofBoth<T>(ask: (binary: string) => Promise<T>): Promise<{ own: T; theirs: T }> {
  const [theirs, own] = await Promise.all([ask(original.path), ask(ours.path)]);
  return { own, theirs };
}

/** Shows the commands only whose answers differ. */
function assertSame(own: readonly Said[], theirs: readonly Said[]): void {
  const differs = (one: Said, index: number): boolean => !equal(one, theirs[index]);
  assertEquals(own.filter(differs), theirs.filter((_, index) => differs(own[index], index)));
}

async function compareTalk(one: Talk): Promise<void> {
  const { own, theirs } = await ofBoth((binary) => talk(one, binary));
  assertSame(own.said, theirs.said);
  assertEquals(own.connected, theirs.connected);
}

async function compareSessions(): Promise<void> {
  const commands = ["srv-list", "srv-clients-info virtlockd", "srv-clients-list admin", "uri"];
  const { own, theirs } = await ofBoth((binary) => talkInSession(commands, binary));
  assertSame(own, theirs);
}

async function compareTimeouts(): Promise<void> {
  const { own, theirs } = await ofBoth(endsAfterTimeout);
  assertEquals(own, { code: 0, inTime: true });
  assertEquals(own, theirs);
}

function test(title: string, fn: () => Promise<void>): void {
  const name = `virt-admin gets the answers of the C daemon: ${title}`;
  nativeTest(name, [original.path, ours.path, "/usr/bin/virt-admin"], fn);
}

for (const one of talks) test(one.title, () => compareTalk(one));
test("a session daemon", compareSessions);
test("the end by daemon-timeout", compareTimeouts);
