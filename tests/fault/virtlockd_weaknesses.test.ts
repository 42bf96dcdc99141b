/**
 * Where the C daemon loses locks or makes everybody wait, and ours must not; beyond what the differential corpus and the tests of
 * hand-overs show.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ClientProcess } from "../native/virtlockd/client_process.ts";
import { Lab } from "../native/virtlockd/lab.ts";
import {
  C_DAEMON,
  LOCK_SOCKET,
  ownDaemon,
  pause,
  PID_FILE,
} from "../native/virtlockd/lab_daemon.ts";
import { AUTOCREATE, Caller, isLocked, SHARED } from "./helpers/caller.ts";
import { Background } from "./helpers/background.ts";
import { eventually } from "./helpers/eventually.ts";
import { install } from "./helpers/install.ts";
import { kernelLocks } from "./helpers/kernel_locks.ts";
import { isDead } from "./helpers/process_status.ts";
import { exists, LEASES, obstacle, register, setStage, type Stage } from "./helpers/stage.ts";

const CONFIG = "/etc/libvirt/virtlockd.conf";
const BUSY_CLIENTS = 50;
const REEXECS = 24;
const STUBBORN = 5;
/** Far more than one turn of the daemon, and far less than the 1.6 s that a holder is given. */
const PAIRS_MEANWHILE = 100;

/** The daemon's directory is `/`, and yet it knows what `./virtlockd` was, and its successor does. */
async function relativeName(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  await install(lab, "/srv/virtlockd");
  const daemon = stack.use(await Background.start(lab, "./virtlockd", { cwd: "/srv" }));
  assertEquals(await Deno.readLink(`/proc/${daemon.pid}/cwd`), "/");
  const caller = stack.use(await Caller.connect(lab));
  assertEquals(await caller.createLockspace(LEASES), "ok");
  assertEquals(await caller.acquire(LEASES, "x"), "ok");
  for (let times = 0; times < 3; times++) {
    await daemon.reexec();
    assertEquals(await caller.acquire(LEASES, "x"), isLocked("x"), await daemon.log());
  }
  assertEquals((await kernelLocks(lab)).length, 1);
  assertEquals(await caller.release(LEASES, "x"), "ok");
}

/** `-f` of another directory than the daemon's cannot be read again: it stays as it is, and says so. */
async function relativeConfig(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  await lab.write("/srv/own.conf", "max_clients = 7\n");
  const options = { args: ["-f", "own.conf"], cwd: "/srv" };
  const daemon = stack.use(await Background.start(lab, ownDaemon(), options));
  const caller = stack.use(await Caller.connect(lab));
  daemon.signal("SIGUSR1");
  await eventually("a refusal", async () => (await daemon.log()).includes("not replaced by"));
  assertMatch(await daemon.log(), /Failed to open file 'own.conf': No such file or directory/);
  assertEquals(await caller.ping(), "PONG");
}

/** The check of the configuration has been passed, and then somebody breaks it. */
async function typoAfterTheState(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(
    await setStage({ binary: C_DAEMON, argv0: "/srv/virtlockd", defaultConfig: "" }),
  );
  const caller = stack.use(await Caller.connect(lab));
  assertEquals(await caller.createLockspace(LEASES), "ok");
  assertEquals(await caller.acquire(LEASES, "x"), "ok");
  const script = `echo 'max_clients = = 7' >${CONFIG}; exec -a "$0" '${ownDaemon()}' "$@"`;
  await lab.write("/srv/virtlockd", `#!/bin/bash\n${script}\n`, 0o755);
  assert(await daemon.reexec(), daemon.stderr);
  assertEquals(await caller.acquire(LEASES, "x"), isLocked("x"));
  assertMatch(
    daemon.stderr,
    /error : .*virtlockd.conf:1: .*; taking over with the default settings/,
  );
  assertEquals((await kernelLocks(lab)).map(({ pid }) => pid), [daemon.pid]);
  await lab.write(CONFIG, "");
  await install(lab, "/srv/virtlockd");
  assert(await daemon.reexec(), daemon.stderr);
  assertEquals(await caller.release(LEASES, "x"), "ok");
}

/** Acquires and releases a lease of its own until told to stop; an answer lost or doubled is an error of Caller. */
async function keepBusy(caller: Caller, name: string, stop: AbortSignal): Promise<number> {
  let pairs = 0;
  for (; !stop.aborted; pairs++) {
    assertEquals(await caller.acquire(LEASES, name), "ok");
    assertEquals(await caller.release(LEASES, name), "ok");
  }
  return pairs;
}

async function busyClients(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage());
  const callers: Caller[] = [];
  for (let i = 0; i < BUSY_CLIENTS; i++) callers.push(stack.use(await Caller.connect(lab)));
  assertEquals(await callers[0].createLockspace(LEASES), "ok");
  const stop = new AbortController();
  const work = callers.map((caller, i) => keepBusy(caller, `lease-${i}`, stop.signal));
  for (let times = 0; times < REEXECS; times++) {
    assert(await daemon.reexec(), daemon.stderr);
    await pause(20);
  }
  stop.abort();
  const pairs = await Promise.all(work);
  // Whatever came twice is there by the time that a later question is answered.
  for (const caller of callers) assertEquals(await caller.ping(), "PONG");
  assert(callers.every(({ connection }) => connection.inbox.takeRest().length === 0));
  assertEquals(await kernelLocks(lab), []);
  const least = Math.min(...pairs);
  assert(least > 0, `a client was served ${least} times`);
  console.log(`${REEXECS} re-execs, ${least} to ${Math.max(...pairs)} pairs for each client`);
}

/** Two names of one file, locked through both and made through a third, over a re-exec. */
async function aliases(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage());
  const [first, second] = [
    stack.use(await Caller.connect(lab)),
    stack.use(await Caller.connect(lab)),
  ];
  const other = stack.use(await ClientProcess.start(lab));
  const file = `${LEASES}/x`;
  assertEquals(await first.createLockspace(LEASES), "ok");
  assertEquals(await first.acquire(LEASES, "x", SHARED | AUTOCREATE), "ok");
  assertEquals(await second.acquire("", file, SHARED), "ok");
  await Deno.link(lab.outside(file), lab.outside("/srv/alias"));
  assertEquals(await second.create("", "/srv/alias"), "ok");
  for (const release of [() => second.release("", file), () => first.release(LEASES, "x")]) {
    assert(await daemon.reexec(), daemon.stderr);
    assertEquals((await kernelLocks(lab)).map(({ access }) => access), ["READ"]);
    assertEquals(await other.command("lock /srv/alias w 0 1"), "error EAGAIN");
    assertEquals(await release(), "ok");
  }
  assertEquals(await kernelLocks(lab), []);
  assertEquals(await other.command("lock /srv/alias w 0 1"), "ok 0");
}

/** Guests that ignore SIGTERM, each with a lock named for its place. */
async function stubbornGuests(
  { lab }: Stage,
  stack: AsyncDisposableStack,
  count: number,
): Promise<{ process: ClientProcess; caller: Caller }[]> {
  const guests = [];
  for (let i = 0; i < count; i++) {
    const process = stack.use(await ClientProcess.start(lab));
    await process.command("ignore-term");
    const caller = await Caller.guest(process);
    assertEquals(await caller.createLockspace(LEASES), "ok");
    assertEquals(await caller.acquire(LEASES, `disk-${i}`), "ok");
    guests.push({ process, caller });
  }
  return guests;
}

/** Asks for a lock until it is granted: at that moment its former holder is dead. */
async function takeOver(caller: Caller, name: string, holder: ClientProcess): Promise<void> {
  for (;;) {
    const outcome = await caller.acquire(LEASES, name);
    const dead = await isDead(holder.pid);
    if (outcome === "ok") return assert(dead, `${name} was granted while its holder lives`);
    assertEquals(outcome, isLocked(name));
    await pause(10);
  }
}

async function killingDelaysNobody(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(await setStage());
  const other = stack.use(await Caller.connect(stage.lab));
  const guests = await stubbornGuests(stage, stack, STUBBORN);
  for (const { caller } of guests) await caller.close();
  for (let pair = 0; pair < PAIRS_MEANWHILE; pair++) {
    assertEquals(await other.acquire(LEASES, "own"), "ok");
    assertEquals(await other.release(LEASES, "own"), "ok");
  }
  for (const { process } of guests) assert(!await isDead(process.pid), "served only after a kill");
  assertEquals((await kernelLocks(stage.lab)).length, STUBBORN);
  await Promise.all(guests.map(async ({ process }, i) => {
    const caller = stack.use(await Caller.connect(stage.lab));
    await takeOver(caller, `disk-${i}`, process);
    assertEquals(await process.endWithin(1000), "SIGKILL");
  }));
}

async function endsWithStubbornHolders(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const stage = stack.use(await setStage());
  const { lab, daemon } = stage;
  const guests = await stubbornGuests(stage, stack, 3);
  assertEquals((await daemon.terminate()).code, 0, daemon.stderr);
  for (const { process } of guests) assertEquals(await process.endWithin(1000), "SIGKILL");
  assertEquals(await kernelLocks(lab), []);
  assertEquals(await Array.fromAsync(Deno.readDir(lab.outside(LEASES))), []);
  assertEquals(await Array.fromAsync(Deno.readDir(lab.outside("/run/libvirt"))), []);
  assert(!await exists(lab.outside(PID_FILE)));
}

/** The idle exit waits for locks as well as for clients. */
async function idleExit(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage({ args: ["-t", "1"] }));
  {
    await using caller = await Caller.connect(lab);
    assertEquals(await caller.createLockspace(LEASES), "ok");
    assertEquals(await caller.acquire(LEASES, "x"), "ok");
  }
  assertEquals(await daemon.endWithin(2500), undefined, "ended with a lock");
  assertEquals((await kernelLocks(lab)).length, 1);
  assert(await daemon.reexec(), daemon.stderr);
  assertEquals(await daemon.endWithin(1500), undefined, "ended with a lock");
  {
    await using caller = await Caller.connect(lab);
    assertEquals(await caller.release(LEASES, "x"), "ok");
    assertEquals(await daemon.endWithin(1500), undefined, "ended with a client");
  }
  assertEquals((await daemon.endWithin(10_000))?.code, 0, daemon.stderr);
  assert(!await exists(lab.outside(LOCK_SOCKET)));
}

const reason = await obstacle("/usr/bin/cc");
register(
  "SIGUSR1 is followed again and again by a daemon started as ./virtlockd -d",
  reason,
  relativeName,
);
register(
  "SIGUSR1 is refused when -f names a file that is not found any more",
  reason,
  relativeConfig,
);
register(
  "a typing error that comes between the state and its reader costs no lock",
  await obstacle(C_DAEMON),
  typoAfterTheState,
);
register(
  `SIGUSR1 ${REEXECS} times answers every request of ${BUSY_CLIENTS} busy clients exactly once`,
  reason,
  busyClients,
);
register("SIGUSR1 keeps the kernel's lock on a file with three names", reason, aliases);
register(
  `${STUBBORN} holders that ignore SIGTERM delay nobody, and keep their locks until they are dead`,
  reason,
  killingDelaysNobody,
);
register(
  "SIGTERM outlasts three holders that ignore it, and leaves nothing",
  reason,
  endsWithStubbornHolders,
);
register(
  "-t 1 ends the daemon when it has no client and no lock, and not before",
  reason,
  idleExit,
);
