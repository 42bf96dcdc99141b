/**
 * A system call of virtlockd fails, one after the other, with the errors that it may have: one client is told so or loses its
 * connection, nobody else notices, and what the daemon believes to be locked is what the kernel has locked.
 *
 * Without the sandbox: strace makes a call fail by giving it the number −1, and the filter kills whoever makes such a call.
 */
import { assert, assertEquals } from "@std/assert";
import { Client } from "../native/virtlockd/client.ts";
import { ClientProcess } from "../native/virtlockd/client_process.ts";
import { LOCK_SOCKET } from "../native/virtlockd/lab_daemon.ts";
import { Caller, INIT, isLocked } from "./helpers/caller.ts";
import { eventually } from "./helpers/eventually.ts";
import { kernelLocks } from "./helpers/kernel_locks.ts";
import {
  callsOf,
  lockOperations,
  type Operation,
  prepare,
  reexecOperation,
  type Scene,
} from "./helpers/operations.ts";
import { openDescriptors, settled } from "./helpers/process_status.ts";
import { exists, LEASES, obstacle, register, setStage } from "./helpers/stage.ts";
import { type CallPoint, STRACE, Tracer } from "./helpers/tracer.ts";

const STATE = "/run/virtlockd-restart-exec.json";

/** A guest that does not ignore SIGTERM is dead by then, also if that signal failed and SIGKILL came after 1.6 s. */
const KILLED_MS = 3000;
/** The kernel has given a lock, and not only strace said so. */
const GRANT = /^fcntl\(.*F_SETLK.*F_WRLCK.* = 0$/;

/**
 * Errors by call. close(2) is not among them: it closes even when it fails, but not when strace says so. Nor are calls that have
 * no reason to fail, such as those which take an event away.
 */
const errors: readonly (readonly [call: RegExp, errors: readonly string[]])[] = [
  [/^accept4\(.* = \d/, ["ENOMEM", "EMFILE", "ECONNABORTED", "EINTR"]],
  [/^epoll_ctl\(.*EPOLL_CTL_ADD/, ["ENOMEM", "ENOSPC"]],
  [/^execve/, ["ENOMEM", "ETXTBSY", "E2BIG", "EACCES"]],
  [/^fcntl\(.*F_SETLK/, ["ENOLCK", "EIO", "EDEADLK"]],
  [/^fsync/, ["EIO"]],
  [/^getsockopt\(.*SO_(PEERPIDFD|\?\?\?)/, ["ENOMEM", "EMFILE"]],
  [/^newfstatat/, ["EIO", "EACCES"]],
  [/^openat/, ["EIO", "ENOMEM", "ENFILE", "EINTR"]],
  [/^pidfd_send_signal/, ["EPERM"]],
  [/^recvmsg/, ["ENOMEM", "ECONNRESET", "EINTR"]],
  [/^rename/, ["EIO"]],
  [/^sendto/, ["ENOMEM", "EPIPE", "EAGAIN"]],
  [/^unlink/, ["EIO", "EPERM"]],
  [/^write/, ["EIO", "EINTR"]],
];

/** A connection more, which ends again. */
const connecting: Operation = {
  title: "a client that comes and goes",
  path: LEASES,
  name: "x",
  perform: async (_, { lab, daemon }) => {
    const before = await openDescriptors(daemon.pid);
    const client = new Caller(await Client.connect(lab.outside(LOCK_SOCKET)));
    const outcome = await client.register(INIT);
    await client.close();
    await eventually("it to be gone", async () => await openDescriptors(daemon.pid) === before);
    return outcome;
  },
};

/** A guest that loses its connection while it holds a lock. */
const dying: Operation = {
  title: "a guest that loses its connection",
  path: LEASES,
  name: "x",
  perform: async (_, { lab }) => {
    await using process = await ClientProcess.start(lab);
    const guest = new Caller(await process.connect("only", LOCK_SOCKET));
    if (await guest.register(process.pid) === "closed") return "closed";
    const outcome = await guest.acquire(LEASES, "x");
    await guest.close();
    if (outcome.startsWith("error")) return outcome;
    // It may be that the lock was granted and only the answer was lost.
    if (await process.endWithin(KILLED_MS) === null) return "alive";
    await eventually("its lock to go", async () => (await kernelLocks(lab)).length === 0);
    return "ok";
  },
};

function errorsOf({ line }: CallPoint): readonly string[] {
  return errors.find(([call]) => call.test(line))?.[1] ?? [];
}

/** Performs the operation with one call of it failing. */
async function failAt(
  operation: Operation,
  scene: Scene,
  at: CallPoint,
  error: string,
): Promise<void> {
  await using caller = await prepare(scene.lab, operation);
  // A re-exec before may be the start of another program.
  if (operation === reexecOperation) await settled(scene.daemon.pid);
  const tracer = await Tracer.attach(scene.daemon.pid, { at, what: `error=${error}` });
  const outcome = await operation.perform(caller, scene);
  const calls = await tracer.detach();
  assert(calls.some(({ line }) => line.includes("(INJECTED)")), `${error} was never given`);
  assertEquals(scene.daemon.ended, undefined, "the daemon has ended");
  const granted = calls.some(({ line }) => GRANT.test(line));
  assert(outcome !== "alive" || !granted, "a guest lost its lock and lives");
  await assertAgreement(operation, scene.lab, outcome);
}

/** The daemon grants what the kernel has not locked, and nothing else; then all is given back. */
async function assertAgreement(
  { title, path, name }: Operation,
  lab: Scene["lab"],
  outcome: string,
): Promise<void> {
  await using other = await Caller.connect(lab);
  assertEquals(await other.ping(), "PONG");
  const held = (await kernelLocks(lab)).length > 0;
  if (title.startsWith("ACQUIRE") && outcome !== "closed") assertEquals(held, outcome === "ok");
  const flags = path === "" ? 0 : undefined;
  assertEquals(await other.acquire(path, name, flags), held ? isLocked(name) : "ok");
  assertEquals(await other.release(path, name), "ok");
  assertEquals(await kernelLocks(lab), []);
  for (const file of [STATE, `${STATE}.new`]) assert(!await exists(lab.outside(file)), file);
}

/** Returns how many failures there were. */
async function failEverywhere(operation: Operation): Promise<number> {
  await using stage = await setStage({ args: ["--no-sandbox"] });
  let failures = 0;
  for (const at of await callsOf(operation, stage)) {
    for (const error of errorsOf(at)) {
      try {
        if (failures++ === 0) await assertGivenBack(operation, stage);
        await failAt(operation, stage, at, error);
      } catch (cause) {
        throw new Error(`${error} for ${at.line}\n${stage.daemon.stderr}`, { cause });
      }
    }
  }
  return failures;
}

/** What the first run has locked is free again. */
async function assertGivenBack(operation: Operation, { lab }: Scene): Promise<void> {
  await using other = await Caller.connect(lab);
  if ((await kernelLocks(lab)).length > 0) await other.release(operation.path, operation.name);
  assertEquals(await kernelLocks(lab), []);
}

const reason = await obstacle(STRACE, "/usr/bin/cc");
for (const operation of [connecting, ...lockOperations, dying, reexecOperation]) {
  const name = `an error of any call of ${operation.title} harms nobody else`;
  register(name, reason, async () => {
    const failures = await failEverywhere(operation);
    assert(failures > 0);
    console.log(`${operation.title}: ${failures} failures`);
  });
}
