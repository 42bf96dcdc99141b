/**
 * virtlockd refuses a spoilt state as a whole. The state is always a real one: a C daemon writes it
 * at SIGUSR1 and executes a script in its place, which damages the file and goes on to execute the
 * daemon under test, with all descriptors still open.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client } from "./client.ts";
import * as frames from "./client_frames.ts";
import { type BadState, badStates } from "./handover_bad_states.ts";
import { Lab } from "./lab.ts";
import { C_DAEMON, type Daemon, LOCK_SOCKET, PID_FILE } from "./lab_daemon.ts";
import { locksOf } from "./lab_locks.ts";
import { exists } from "./libvirtd_lab.ts";
import { candidates, nativeTest } from "./native_test.ts";

const PATH = "/srv/virtlockd";
const STATE = "/run/virtlockd-restart-exec.json";
const FILES = ["/srv/a", "/srv/b"];

/** Registered for a process which is not the test's own, so that nobody is killed for it. */
async function connectOwner(lab: Lab): Promise<Client> {
  const client = await Client.connect(lab.outside(LOCK_SOCKET));
  const owner = { uuid: frames.someUuid, name: "owner", id: 1, pid: 1 };
  await succeed(client, "REGISTER", frames.registerArguments(owner));
  return client;
}

async function acquire(client: Client): Promise<void> {
  for (const file of FILES) {
    await succeed(client, "ACQUIRE_RESOURCE", frames.resourceArguments("", file));
  }
}

async function succeed(
  client: Client,
  procedure: frames.LockProcedure,
  payload: Uint8Array,
): Promise<void> {
  const reply = await client.call(frames.frame(frames.callHeader(procedure, 1), payload));
  if (!reply) throw new Error(`${procedure}: no reply`);
  assertEquals(frames.decodeHeader(reply).status, frames.Status.ok, frames.toHex(reply));
}

interface Stage extends AsyncDisposable {
  readonly lab: Lab;
  readonly daemon: Daemon;
  readonly client: Client;
}

/** A C daemon with two locks whose next re-exec damages the state and executes `successor`. */
async function setStage(successor: string, damage: string): Promise<Stage> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  for (const file of FILES) await lab.write(file, "");
  const daemon = await lab.start(C_DAEMON, { argv0: PATH });
  const client = stack.use(await connectOwner(lab));
  await acquire(client);
  const script = `#!/bin/bash\nSTATE=${STATE}\n${damage}\nexec -a "$0" '${successor}' "$@"\n`;
  await lab.write(PATH, script, 0o755);
  const moved = stack.move();
  return { lab, daemon, client, [Symbol.asyncDispose]: () => moved.disposeAsync() };
}

async function lockedFiles(pid: number): Promise<number> {
  return (await locksOf(pid)).filter(({ type }) => type === "POSIX").length - 1;
}

async function takesOver(successor: string): Promise<void> {
  await using stage = await setStage(successor, "cp $STATE /srv/copy");
  assert(await stage.daemon.reexec());
  await succeed(stage.client, "RELEASE_RESOURCE", frames.resourceArguments("", FILES[0]));
  assertEquals(await lockedFiles(stage.daemon.pid), FILES.length - 1);
  const state = JSON.parse(await Deno.readTextFile(stage.lab.outside("/srv/copy")));
  assertEquals(state.magic, String(stage.daemon.pid));
}

/** How the C daemon ends where it does not end as it should. */
function expectedEnd(bad: BadState, successor: string): { code: number } | { signal: string } {
  return successor === C_DAEMON && bad.endsOriginal ? bad.endsOriginal : { code: 3 };
}

async function refuses(bad: BadState, successor: string): Promise<void> {
  await using stage = await setStage(successor, bad.damage);
  const { lab, daemon, client } = stage;
  const said = daemon.stderr.length;
  daemon.signal("SIGUSR1");
  const { code, signal } = await daemon.status;
  await daemon.stop();
  const expected = expectedEnd(bad, successor);
  assertEquals("signal" in expected ? { signal } : { code }, expected, daemon.stderr);
  if ("code" in expected) assertMatch(daemon.stderr.slice(said), /\berror\b/);
  assertEquals(await client.inbox.frameWithin(2000), undefined);
  assert(client.inbox.closed, "the connection of the old daemon is still open");
  await startsAnew(lab, successor);
}

/** The damage is gone with the daemon that met it. */
async function startsAnew(lab: Lab, binary: string): Promise<void> {
  assert(!await exists(lab.outside(STATE)), "the state is still there");
  const daemon = await lab.start(binary);
  await using client = await connectOwner(lab);
  await acquire(client);
  assertEquals(await lockedFiles(daemon.pid), FILES.length);
}

/** Left behind by a daemon that never came to execute its successor. */
async function ignoresForeign(binary: string): Promise<void> {
  await using lab = await Lab.open();
  for (const file of FILES) await lab.write(file, "");
  await lab.write(STATE, JSON.stringify({ magic: "1", lockspaces: [] }));
  const daemon = await lab.start(binary);
  assertMatch(daemon.stderr, /warning : .* (old magic|left by process) 1\b/);
  assertEquals(await Deno.readTextFile(lab.outside(PID_FILE)), String(daemon.pid));
  await using client = await connectOwner(lab);
  await acquire(client);
  assert(!await exists(lab.outside(STATE)), "the state is still there");
}

for (const { label, path } of candidates) {
  const test = (title: string, fn: () => Promise<void>): void =>
    nativeTest(`virtlockd (${label}) ${title}`, [C_DAEMON, path], fn);
  test("takes over a state from the C daemon", () => takesOver(path));
  test("starts normally beside the state of another process", () => ignoresForeign(path));
  for (const bad of badStates) {
    test(`refuses a state ${bad.title} and starts normally after that`, () => refuses(bad, path));
  }
}
