/** What must not leave a guest alive without its lock: an end, and a new beginning. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { ClientProcess } from "./client_process.ts";
import {
  acquire,
  assertSuccess,
  fail,
  register,
  Stage,
  STATE_FILE,
  succeed,
} from "./handover_stage.ts";
import { LOCK_SOCKET } from "./lab_daemon.ts";
import { exists } from "./libvirtd_lab.ts";
import { C_COMPILER, nativeTest, original, ours } from "./native_test.ts";

const ANSWER_MS = 5000;

/** A process that holds a lock of this name. */
async function startHolder(stage: Stage, name: string): Promise<ClientProcess> {
  const holder = stage.use(await ClientProcess.start(stage.lab));
  const connection = await holder.connect("only", LOCK_SOCKET);
  await connection.send(register(holder.pid));
  await connection.send(acquire(name, 1));
  for (const serial of [0, 1]) {
    assertSuccess(await connection.inbox.frameWithin(ANSWER_MS), serial);
  }
  return holder;
}

/** The dead one comes first: its connection is still open, in a child that it left. */
async function endBoth(): Promise<void> {
  await using stage = await Stage.open(ours.path);
  const dead = await startHolder(stage, "dead");
  const living = await startHolder(stage, "living");
  await dead.fork();
  dead.kill("SIGKILL");
  await dead.endWithin(ANSWER_MS);
  assertEquals((await stage.daemon.terminate()).code, 0);
  const fate = await living.endWithin(ANSWER_MS);
  assertEquals(fate, "SIGTERM", stage.daemon.stderr);
}

/** As Ctrl-C and a service manager may do together: both are there when the daemon looks. */
async function endTwice(): Promise<void> {
  await using stage = await Stage.open(ours.path);
  await stage.daemon.freeze();
  for (const signal of ["SIGINT", "SIGTERM", "SIGCONT"] as const) stage.daemon.signal(signal);
  assertEquals((await stage.daemon.status).code, 0, stage.daemon.stderr);
  assertEquals(stage.daemon.stderr.includes("Errno"), false, stage.daemon.stderr);
}

/** As `reload` and `stop` of a service manager: both are there when the daemon looks. The C daemon would die of the second. */
async function endInsteadOfReexec(): Promise<void> {
  await using stage = await Stage.open(ours.path);
  const holder = await startHolder(stage, "held");
  await stage.install(original.path);
  await stage.daemon.freeze();
  for (const signal of ["SIGUSR1", "SIGTERM", "SIGCONT"] as const) stage.daemon.signal(signal);
  assertEquals((await stage.daemon.status).code, 0, stage.daemon.stderr);
  assertEquals(await holder.endWithin(ANSWER_MS), "SIGTERM", stage.daemon.stderr);
  for (const path of [STATE_FILE, LOCK_SOCKET]) {
    assert(!await exists(stage.lab.outside(path)), `${path} is still there`);
  }
}

/** The successor cannot open the log file that the configuration names. */
async function loseLogFolder(): Promise<void> {
  const folder = "/var/log/libvirt";
  const defaultConfig = `log_outputs = "2:file:${folder}/virtlockd.log"\n`;
  await using stage = await Stage.open(ours.path, { lab: { defaultConfig } });
  const client = await stage.connectOwner();
  await succeed(client, acquire("held"));
  const before = await stage.locks();
  await Deno.remove(stage.lab.outside(folder), { recursive: true });
  assert(await stage.daemon.reexec(), stage.daemon.stderr);
  await fail(client, acquire("held", 2));
  assertEquals(await stage.locks(), before);
  assertStringIncludes(stage.daemon.stderr, "taking over with the default settings");
}

nativeTest(
  "SIGTERM ends every holder, also when another one is dead already",
  [ours.path, C_COMPILER],
  endBoth,
);
nativeTest(
  "SIGTERM behind SIGUSR1 ends virtlockd and its holders, not the C daemon that was to follow",
  [ours.path, original.path, C_COMPILER],
  endInsteadOfReexec,
);
nativeTest("two signals at once end virtlockd as one does", [ours.path], endTwice);
nativeTest(
  "SIGUSR1 costs no lock when the successor cannot open its log file",
  [ours.path],
  loseLogFolder,
);
