/**
 * Where the C daemon would end at SIGUSR1, and with it every lock, ours hands over or says why not
 * and carries on: nobody loses a lock or a connection.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Client } from "./client.ts";
import * as frames from "./client_frames.ts";
import { type Hazard, hazards } from "./handover_hazards.ts";
import { acquire, fail, release, Stage, succeed } from "./handover_stage.ts";
import { type Daemon, pause } from "./lab_daemon.ts";
import { C_COMPILER, nativeTest, original, ours } from "./native_test.ts";

/** Time in which a daemon that is going to end would do so. */
const SETTLE_MS = 300;
/** Ours waits for 3 s for a moment at which the C daemon could take over. */
const REFUSAL_MS = 5000;
const POLL_MS = 10;

async function face(hazard: Hazard): Promise<void> {
  const options = { lab: { defaultConfig: "max_clients = 50\n" } };
  const daemon = hazard.options ? { daemon: hazard.options } : {};
  await using stage = await Stage.open(ours.path, { ...options, ...daemon });
  const client = await stage.connectOwner();
  await succeed(client, acquire("held"));
  if (hazard.successor) await stage.install(hazard.successor.path);
  await hazard.prepare(stage);
  const before = await stage.locks();
  if (hazard.refused) await refuses(stage.daemon, hazard.refused);
  else assert(await stage.daemon.reexec(), stage.daemon.stderr);
  await assertServes(stage, client);
  await assertLocks(stage, before);
  await succeed(client, release("held"));
}

async function refuses(daemon: Daemon, reason: RegExp): Promise<void> {
  const said = daemon.stderr.length;
  daemon.signal("SIGUSR1");
  for (let ms = 0; ms < REFUSAL_MS && !reason.test(daemon.stderr.slice(said)); ms += POLL_MS) {
    await pause(POLL_MS);
  }
  assertMatch(daemon.stderr.slice(said), reason);
}

/** The old connection and a new one agree about the lock. */
async function assertServes(stage: Stage, client: Client): Promise<void> {
  assert(await client.call(frames.ping), `no answer\n${stage.daemon.stderr}`);
  await pause(SETTLE_MS);
  assertEquals(stage.daemon.ended, undefined, stage.daemon.stderr);
  await fail(await stage.connectOwner(), acquire("held"));
}

/** Compares the numbers first: a list of thousands is nothing to read. */
async function assertLocks(stage: Stage, before: readonly string[]): Promise<void> {
  const now = await stage.locks();
  assertEquals(now.length, before.length, stage.daemon.stderr);
  assertEquals(now, before);
}

for (const hazard of hazards) {
  const programs = [
    ours.path,
    C_COMPILER,
    ...(hazard.successor === original ? [original.path] : []),
  ];
  const name = `SIGUSR1 ${hazard.title} costs no lock and no connection`;
  nativeTest(name, programs, () => face(hazard));
}
