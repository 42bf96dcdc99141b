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
import { exists, LEASES, obstacle, register, setStage } from "./helpers/stage.ts";
import { type CallPoint, STRACE, Tracer } from "./helpers/tracer.ts";

const STATE = "/run/virtlockd-restart-exec.json";
/** What an acquire must be made of for the test to have looked closely. */
const LEAST_ACQUIRE_POINTS = 12;

interface Operation {
  readonly title: string;
  /** The lockspace and the name that the operation is about. */
  readonly path: string;
  readonly name: string;
  /** What the client did before. */
  readonly before?: (caller: Caller) => Promise<string>;
  /** `ok`, or `closed` if the daemon was gone before it had answered. */
  readonly perform: (caller: Caller, daemon: Daemon) => Promise<string>;
}

const acquiring = (path: string, name: string, flags: number) => (caller: Caller) =>
  caller.acquire(path, name, flags);
const releasing = (path: string, name: string) => (caller: Caller) => caller.release(path, name);

function pair(kind: string, path: string, name: string, flags: number): Operation[] {
  const acquire = acquiring(path, name, flags);
  const release = releasing(path, name);
  return [
    { title: `ACQUIRE_RESOURCE ${kind}`, path, name, perform: acquire },
    { title: `RELEASE_RESOURCE ${kind}`, path, name, before: acquire, perform: release },
  ];
}

const operations: readonly Operation[] = [
  ...pair("exclusive of a file made for it", LEASES, "x", AUTOCREATE),
  ...pair("shared of a file made for it", LEASES, "x", SHARED | AUTOCREATE),
  ...pair("exclusive of a disk", "", "/srv/disk", 0),
  {
    title: "SIGUSR1 with a lock",
    path: LEASES,
    name: "x",
    before: acquiring(LEASES, "x", AUTOCREATE),
    perform: async (caller, daemon) => {
      daemon.signal("SIGUSR1");
      return await caller.ping() === "PONG" ? "ok" : "closed";
    },
  },
];

async function prepare(lab: Lab, { before }: Operation): Promise<Caller> {
  await lab.write("/srv/disk", "");
  const caller = await Caller.connect(lab);
  assertEquals(await caller.createLockspace(LEASES), "ok");
  if (before !== undefined) assertEquals(await before(caller), "ok");
  return caller;
}

/** The calls of an operation up to its end, or to the execve of a successor. */
async function callsOf(operation: Operation, lab: Lab, daemon: Daemon): Promise<CallPoint[]> {
  await using caller = await prepare(lab, operation);
  const tracer = await Tracer.attach(daemon.pid);
  assertEquals(await operation.perform(caller, daemon), "ok");
  const calls = await tracer.detach();
  const end = calls.findIndex(({ name }) => name === "execve");
  return end < 0 ? calls : calls.slice(0, end + 1);
}

/** The daemon dies at the call, or once all is done if there is none. */
async function dieAt(
  operation: Operation,
  lab: Lab,
  daemon: Daemon,
  point: CallPoint | undefined,
): Promise<void> {
  await using caller = await prepare(lab, operation);
  const tracer = await Tracer.attach(daemon.pid, point);
  const outcome = await operation.perform(caller, daemon);
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
  const calls = await callsOf(operation, lab, stage.daemon);
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
for (const operation of operations) {
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
