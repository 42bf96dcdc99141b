/** virtlockd when descriptors, space or rights run out: who asked for too much is told so, and everybody else is served. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Client } from "../native/virtlockd/client.ts";
import { ClientProcess } from "../native/virtlockd/client_process.ts";
import { Lab } from "../native/virtlockd/lab.ts";
import { type Daemon, LOCK_SOCKET, pause } from "../native/virtlockd/lab_daemon.ts";
import { AUTOCREATE, Caller, INIT, isLocked, SHARED } from "./helpers/caller.ts";
import { install } from "./helpers/install.ts";
import { kernelLocks } from "./helpers/kernel_locks.ts";
import { eventually } from "./helpers/eventually.ts";
import { cpuTicks, openDescriptors } from "./helpers/process_status.ts";
import { exists, LEASES, obstacle, register, setStage } from "./helpers/stage.ts";

const OPEN_FILES = 64;
const REFUSED = 20;
/** What a daemon that spins would use all of, and one that waits nothing. */
const WATCHED_MS = 2000;
const MOST_TICKS = 20;

const STATE = "/run/virtlockd-restart-exec.json";
const NOBODY = 65534;

/** Connects until the daemon has no descriptor left and turns the next client away. */
async function exhaust(lab: Lab, stack: AsyncDisposableStack): Promise<Caller[]> {
  const callers: Caller[] = [];
  for (;;) {
    const caller = stack.use(new Caller(await Client.connect(lab.outside(LOCK_SOCKET))));
    if (await caller.register(INIT) === "closed") break;
    callers.push(caller);
    assert(callers.length < OPEN_FILES, "the daemon has more descriptors than it may");
  }
  // By the time that it answers, it has done with the one it turned away.
  assertEquals(await callers[0].ping(), "PONG");
  return callers;
}

/** Closes connections and waits until the daemon has their descriptors back. */
async function leave(daemon: Daemon, callers: readonly Caller[]): Promise<void> {
  const before = await openDescriptors(daemon.pid);
  for (const caller of callers) await caller.close();
  await eventually(
    "the daemon to see who left",
    async () => await openDescriptors(daemon.pid) === before - callers.length,
  );
}

/** How often the daemon has logged that it turned somebody away. */
function refusals({ stderr }: Daemon): number {
  return stderr.match(/cannot accept a client/g)?.length ?? 0;
}

async function connects(lab: Lab): Promise<string> {
  await using caller = new Caller(await Client.connect(lab.outside(LOCK_SOCKET)));
  return await caller.register(INIT);
}

function tooManyFiles(what: string): string {
  return `error 38/51 errno 24 "Unable to open/create resource ${LEASES}/${what}: Too many open files"`;
}

async function descriptorsRunOut(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage({ openFiles: OPEN_FILES }));
  const holder = stack.use(await Caller.connect(lab));
  assertEquals(await holder.createLockspace(LEASES), "ok");
  assertEquals(await holder.acquire(LEASES, "held"), "ok");
  const others = await exhaust(lab, stack);

  assertEquals(await holder.acquire(LEASES, "other"), tooManyFiles("other"));
  assert(!await exists(lab.outside(`${LEASES}/other`)), "a file was made for nothing");
  for (const caller of [holder, ...others]) assertEquals(await caller.ping(), "PONG");
  assertEquals(await holder.createLockspace("/srv/more"), "ok");
  assertEquals(await holder.release(LEASES, "held"), "ok");
  assertEquals(await holder.acquire(LEASES, "held"), "ok");

  const attempts = Array.from({ length: REFUSED }, () => connects(lab));
  assertEquals(await Promise.all(attempts), attempts.map(() => "closed"));
  const before = await cpuTicks(daemon.pid);
  await pause(WATCHED_MS);
  const ticks = await cpuTicks(daemon.pid) - before;
  assert(ticks <= MOST_TICKS, `used ${ticks} ticks while nothing happened`);
  assertEquals(refusals(daemon), REFUSED + 1, "one line for each that was turned away");

  assertEquals(await connects(lab), "closed");
  await leave(daemon, others.slice(0, 1));
  assertEquals(await connects(lab), "ok");
  assertEquals(await holder.acquire(LEASES, "other"), "ok");
  console.log(
    `${others.length + 1} clients at ${OPEN_FILES} files; ${ticks} ticks in ${WATCHED_MS} ms`,
  );
}

async function reexecWithoutDescriptors(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage({ openFiles: OPEN_FILES }));
  const holder = stack.use(await Caller.connect(lab));
  assertEquals(await holder.createLockspace(LEASES), "ok");
  assertEquals(await holder.acquire(LEASES, "held"), "ok");
  const others = await exhaust(lab, stack);
  assert(!await daemon.reexec(), "there was a descriptor left");
  assertEquals(await holder.ping(), "PONG");
  assertMatch(daemon.stderr, /error : .* not replaced by .*Too many open files/);
  // One is enough, since the successor takes no more than its predecessor gave up.
  await leave(daemon, others.slice(0, 1));
  assert(await daemon.reexec(), daemon.stderr);
  for (const caller of [holder, ...others.slice(1)]) assertEquals(await caller.ping(), "PONG");
  assertEquals((await kernelLocks(lab)).length, 1);
  assertEquals(await holder.release(LEASES, "held"), "ok");
}

/** A guest whose process cannot be watched by a descriptor, since there is none, is ended all the same. */
async function guestWithoutDescriptor(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage({ openFiles: OPEN_FILES }));
  const guest = stack.use(await ClientProcess.start(lab));
  await guest.command("ignore-term");
  const other = stack.use(await Caller.connect(lab));
  assertEquals(await other.createLockspace(LEASES), "ok");
  const crowd = await exhaust(lab, stack);
  await leave(daemon, crowd.slice(0, 1));
  const caller = await Caller.guest(guest);
  await leave(daemon, crowd.slice(1, 4));
  assertEquals(await caller.acquire(LEASES, "x"), "ok");
  await caller.close();
  assertEquals(await other.acquire(LEASES, "x"), isLocked("x"));
  assertEquals(guest.fate, null);
  assertEquals(await guest.endWithin(10_000), "SIGKILL");
  assertEquals(await other.acquire(LEASES, "x"), "ok");
}

interface Failing {
  readonly directory: string;
  /** Errors of an ACQUIRE_RESOURCE with AUTOCREATE, and of a CREATE_RESOURCE. */
  readonly acquire: string;
  readonly create: string;
}

function failing(directory: string, errno: number, reason: string): Failing {
  const path = `${directory}/x`;
  return {
    directory,
    acquire: `error 38/51 errno ${errno} "Unable to open/create resource ${path}: ${reason}"`,
    create: `error 38/0 errno ${errno} "cannot create file '${path}': ${reason}"`,
  };
}

const ROUNDS = 20;

/** One client after the other meets the error, while a third one works. */
async function assertErrors(
  callers: readonly Caller[],
  { directory, acquire, create }: Failing,
): Promise<void> {
  const [first, second, third] = callers;
  assertEquals(await first.createLockspace(directory), "ok");
  const fails = async (caller: Caller): Promise<void> => {
    for (let round = 0; round < ROUNDS; round++) {
      assertEquals(await caller.acquire(directory, "x", AUTOCREATE), acquire);
      assertEquals(await caller.acquire(directory, "x", AUTOCREATE | SHARED), acquire);
      assertEquals(await caller.create(directory, "x"), create);
    }
  };
  const works = async (): Promise<void> => {
    for (let round = 0; round < ROUNDS; round++) {
      assertEquals(await third.acquire(LEASES, "x"), "ok");
      assertEquals(await third.release(LEASES, "x"), "ok");
    }
  };
  await Promise.all([fails(first), fails(second), works()]);
}

async function leaseFilesThatCannotBe(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage());
  const [full, readOnly] = ["/srv/full", "/srv/read-only"];
  for (const directory of [full, readOnly]) await Deno.mkdir(lab.outside(directory));
  await lab.run("mount", "-t", "tmpfs", "-o", "nr_inodes=1,mode=755", "full", full);
  await lab.run("mount", "--bind", readOnly, readOnly);
  await lab.run("mount", "-o", "remount,bind,ro", readOnly);
  const callers: Caller[] = [];
  for (let i = 0; i < 3; i++) callers.push(stack.use(await Caller.connect(lab)));
  assertEquals(await callers[2].createLockspace(LEASES), "ok");
  await assertErrors(callers, failing(full, 28, "No space left on device"));
  await assertErrors(callers, failing(readOnly, 30, "Read-only file system"));
  assertEquals(await kernelLocks(lab), []);
  assert(await daemon.reexec(), daemon.stderr);
  await assertErrors(callers, failing(full, 28, "No space left on device"));
}

async function leaseFilesThatMayNotBe(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  const env = await lab.session(NOBODY);
  const socket = `${env.XDG_RUNTIME_DIR}/libvirt/virtlockd-sock`;
  await install(lab, "/srv/virtlockd");
  await Deno.mkdir(lab.outside(LEASES));
  await Deno.chown(lab.outside(LEASES), NOBODY, NOBODY);
  await Deno.mkdir(lab.outside("/srv/forbidden"), { mode: 0o755 });
  const args = ["-f", "/dev/null"];
  await lab.start("/srv/virtlockd", { uid: NOBODY, env, socket, args, cwd: "/" });
  const callers: Caller[] = [];
  for (let i = 0; i < 3; i++) {
    const client = stack.use(await ClientProcess.start(lab, { uid: NOBODY }));
    const caller = new Caller(await client.connect("only", socket));
    assertEquals(await caller.register(INIT), "ok");
    callers.push(caller);
  }
  assertEquals(await callers[2].createLockspace(LEASES), "ok");
  await assertErrors(callers, failing("/srv/forbidden", 13, "Permission denied"));
  assertEquals(await callers[0].createLockspace("/srv/forbidden/below"), CANNOT_CREATE);
}

const CANNOT_CREATE =
  `error 38/51 errno 13 "Unable to create lockspace /srv/forbidden/below: Permission denied"`;

async function noSpaceForTheState(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage());
  const holder = stack.use(await Caller.connect(lab));
  assertEquals(await holder.createLockspace(LEASES), "ok");
  assertEquals(await holder.acquire(LEASES, "held"), "ok");
  await lab.run("mount", "-o", "remount,size=1m", "/run");
  await lab.run("sh", "-c", "! dd if=/dev/zero of=/run/fill bs=4k 2>/dev/null");
  assert(!await daemon.reexec(), "there was space");
  assertMatch(daemon.stderr, /error : .* not replaced by .*No space left on device/);
  for (const path of [STATE, `${STATE}.new`]) {
    assert(!await exists(lab.outside(path)), `${path} was left over`);
  }
  assertEquals(await holder.ping(), "PONG");
  await Deno.remove(lab.outside("/run/fill"));
  assert(await daemon.reexec(), daemon.stderr);
  assertEquals((await kernelLocks(lab)).length, 1);
  assertEquals(await holder.release(LEASES, "held"), "ok");
}

const reason = await obstacle("/usr/bin/cc");
register(
  "virtlockd out of descriptors serves its clients, turns new ones away without a spin, and takes them again later",
  reason,
  descriptorsRunOut,
);
register(
  "SIGUSR1 to a virtlockd out of descriptors loses nothing",
  reason,
  reexecWithoutDescriptors,
);
register(
  "virtlockd out of descriptors still ends a guest before it frees its locks",
  reason,
  guestWithoutDescriptor,
);
register(
  "virtlockd answers ENOSPC and EROFS of a lease file to the client alone that met it",
  reason,
  leaseFilesThatCannotBe,
);
register(
  "virtlockd of a user answers EACCES of a lease file to the client alone that met it",
  reason,
  leaseFilesThatMayNotBe,
);
register("SIGUSR1 without space for the state loses nothing", reason, noSpaceForTheState);
