/**
 * virtlockd is killed by SIGKILL before each system call of what it does for a client, and after the last: whatever was done by
 * then, the next daemon finds nothing that is locked without an owner, nothing that blocks, and grants to one client alone.
 *
 * strace delivers the signal when a call begins, and the kernel then does not make it. The tracer is outside of the sandbox, so
 * the daemon is the one that ships, with all of it on.
 */
import { assert, assertEquals } from "@std/assert";
import type { Lab } from "../native/virtlockd/lab.ts";
import { type Daemon, ownDaemon } from "../native/virtlockd/lab_daemon.ts";
import { fileIdentity } from "../native/virtlockd/lab_locks.ts";
import { AUTOCREATE, Caller, isLocked, SHARED } from "./helpers/caller.ts";
import { kernelLocks } from "./helpers/kernel_locks.ts";
import {
  callsOf,
  lockOperations,
  type Operation,
  prepare,
  reexecOperation,
} from "./helpers/operations.ts";
import { settled } from "./helpers/process_status.ts";
import { exists, LEASES, obstacle, register, setStage } from "./helpers/stage.ts";
import { type CallPoint, STRACE, Tracer } from "./helpers/tracer.ts";

const STATE = "/run/virtlockd-restart-exec.json";
/** What an acquire must be made of for the test to have looked closely. */
const LEAST_ACQUIRE_POINTS = 12;

/** The daemon dies at the call, or once all is done if there is none. */
async function dieAt(
  operation: Operation,
  lab: Lab,
  daemon: Daemon,
  point: CallPoint | undefined,
): Promise<void> {
  await using caller = await prepare(lab, operation);
  await settled(daemon.pid);
  const tracer = await Tracer.attach(daemon.pid, point && { at: point, what: "signal=SIGKILL" });
  const outcome = await operation.perform(caller, { lab, daemon });
  if (point === undefined) daemon.signal("SIGKILL");
  const { signal } = await daemon.status;
  await tracer.detach();
  assertEquals({ outcome, signal }, {
    outcome: point === undefined ? "ok" : "closed",
    signal: "SIGKILL",
  });
  assertEquals(await kernelLocks(lab), [], "locked without an owner");
}

/** The resource is free, one client gets it, and another does not. */
async function assertUsable({ path, name }: Operation, lab: Lab, daemon: Daemon): Promise<void> {
  const file = lab.outside(path === "" ? name : `${path}/${name}`);
  const flags = path === "" ? 0 : AUTOCREATE;
  await using first = await Caller.connect(lab);
  await using second = await Caller.connect(lab);
  assertEquals(await first.createLockspace(LEASES), "ok");
  assertEquals(await first.acquire(path, name, flags), "ok");
  assertEquals(await second.acquire(path, name, flags), isLocked(name));
  assertEquals(await second.acquire(path, name, flags | SHARED), isLocked(name));
  const identity = await fileIdentity(file);
  const lock = { pid: daemon.pid, access: "WRITE", identity };
  assertEquals((await kernelLocks(lab)) as unknown[], [lock]);
  assertEquals(await first.release(path, name), "ok");
  assertEquals(await kernelLocks(lab), []);
  assertEquals(await exists(file), path === "", "what a lock was made for goes with it");
  assert(!await exists(lab.outside(STATE)), "state was left over");
}

/** Returns at how many points the daemon was killed. */
async function dieEverywhere(operation: Operation): Promise<number> {
  await using stage = await setStage();
  const { lab } = stage;
  const calls = await callsOf(operation, stage);
  let daemon = await restarted(lab, stage.daemon);
  for (const point of [...calls, undefined]) {
    try {
      await dieAt(operation, lab, daemon, point);
      daemon = await lab.start(ownDaemon());
      await assertUsable(operation, lab, daemon);
    } catch (error) {
      throw new Error(`killed at ${point?.line ?? "its end"}\n${daemon.stderr}`, { cause: error });
    }
  }
  return calls.length + 1;
}

/** Fresh from its start, as every later daemon will be. */
async function restarted(lab: Lab, daemon: Daemon): Promise<Daemon> {
  assertEquals((await daemon.terminate()).code, 0, daemon.stderr);
  return await lab.start(ownDaemon());
}

const reason = await obstacle(STRACE);
let acquirePoints = 0;
for (const operation of [...lockOperations, reexecOperation]) {
  const name = `kill -9 at any call of ${operation.title} leaves nothing that blocks`;
  register(name, reason, async () => {
    const points = await dieEverywhere(operation);
    console.log(`${operation.title}: killed at ${points} points`);
    if (operation.title.startsWith("ACQUIRE")) acquirePoints += points;
  });
}
register(
  `kill -9 was tried at ${LEAST_ACQUIRE_POINTS} points of an acquire or more`,
  reason,
  () => {
    assert(acquirePoints >= LEAST_ACQUIRE_POINTS, `only at ${acquirePoints}`);
    return Promise.resolve();
  },
);
