/** What a daemon does for a client, in pieces small enough to be interrupted at each of their system calls. */
import { assertEquals } from "@std/assert";
import type { Lab } from "../../native/virtlockd/lab.ts";
import type { Daemon } from "../../native/virtlockd/lab_daemon.ts";
import { AUTOCREATE, Caller, SHARED } from "./caller.ts";
import { settled } from "./process_status.ts";
import { LEASES } from "./stage.ts";
import { type CallPoint, Tracer } from "./tracer.ts";

/** Exists, and is locked as a disk is. */
export const DISK = "/srv/disk";

/** Where an operation happens; the daemon may be another in the end. */
export interface Scene {
  readonly lab: Lab;
  readonly daemon: Daemon;
}

export interface Operation {
  readonly title: string;
  /** The lockspace and the name of the resource that it is about. */
  readonly path: string;
  readonly name: string;
  /** What the client did before. */
  readonly before?: (caller: Caller) => Promise<string>;
  /** The answer: `ok`, an error in words, or `closed`. */
  readonly perform: (caller: Caller, scene: Scene) => Promise<string>;
}

function pair(kind: string, path: string, name: string, flags: number): Operation[] {
  const acquire = (caller: Caller): Promise<string> => caller.acquire(path, name, flags);
  const release = (caller: Caller): Promise<string> => caller.release(path, name);
  return [
    { title: `ACQUIRE_RESOURCE ${kind}`, path, name, perform: acquire },
    { title: `RELEASE_RESOURCE ${kind}`, path, name, before: acquire, perform: release },
  ];
}

/** A client that gets and gives back each kind of lock. */
export const lockOperations: readonly Operation[] = [
  ...pair("exclusive of a file made for it", LEASES, "x", AUTOCREATE),
  ...pair("shared of a file made for it", LEASES, "x", SHARED | AUTOCREATE),
  ...pair("exclusive of a disk", "", DISK, 0),
];

/** A re-exec while the client holds a lock. */
export const reexecOperation: Operation = {
  title: "SIGUSR1 with a lock",
  path: LEASES,
  name: "x",
  before: (caller) => caller.acquire(LEASES, "x"),
  perform: async (caller, { daemon }) => {
    daemon.signal("SIGUSR1");
    return await caller.ping() === "PONG" ? "ok" : "closed";
  },
};

/** A client that has done what comes before. */
export async function prepare(lab: Lab, { before }: Operation): Promise<Caller> {
  await lab.write(DISK, "");
  const caller = await Caller.connect(lab);
  assertEquals(await caller.createLockspace(LEASES), "ok");
  if (before !== undefined) assertEquals(await before(caller), "ok");
  return caller;
}

/** The calls of an operation up to its end, or to the execve of a successor. */
export async function callsOf(operation: Operation, scene: Scene): Promise<CallPoint[]> {
  await using caller = await prepare(scene.lab, operation);
  await settled(scene.daemon.pid);
  const tracer = await Tracer.attach(scene.daemon.pid);
  assertEquals(await operation.perform(caller, scene), "ok");
  const calls = await tracer.detach();
  const end = calls.findIndex(({ name }) => name === "execve");
  return end < 0 ? calls : calls.slice(0, end + 1);
}
