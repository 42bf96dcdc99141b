/** virtlockd's soak: clients that lock and unlock, and one whose lock is kept over each re-exec. */
import { assert, assertEquals } from "@std/assert";
import { KINDS } from "../../native/private_daemon.ts";
import type { Lab } from "../../native/virtlockd/lab.ts";
import type { Daemon } from "../../native/virtlockd/lab_daemon.ts";
import { Caller, isLocked } from "../helpers/caller.ts";
import { LEASES } from "../helpers/stage.ts";
import { type Subject, subject } from "./subject.ts";

const CLIENTS = 12;
const PAIRS = 25;
const START_LIMIT_MS = 60_000;
/** A daemon that has not become another within this time has refused to. */
const REFUSED_MS = 3_000;

export function locks(program: string): Subject {
  const kind = { ...KINDS.virtlockd, name: "virtlockd", program };
  return subject(kind, { load: lockAndReexec, survives: canLock });
}

/** Clients come, lock, unlock and go, one of them keeps its lock over a re-exec, or over one that is refused for want of space. */
async function lockAndReexec(lab: Lab, daemon: Daemon, hasSpace: boolean): Promise<void> {
  await using holder = await Caller.connect(lab);
  await holder.createLockspace(LEASES);
  assertEquals(await holder.acquire(LEASES, "kept"), "ok");
  await Promise.all(Array.from({ length: CLIENTS }, (_, at) => lockAll(lab, at)));
  const limitMs = hasSpace ? START_LIMIT_MS : REFUSED_MS;
  assertEquals(await daemon.reexec(limitMs), hasSpace, daemon.stderr.slice(-2_000));
  await using other = await Caller.connect(lab);
  assertEquals(await other.acquire(LEASES, "kept"), isLocked("kept"));
  assertEquals(await holder.release(LEASES, "kept"), "ok");
  assertEquals(await other.acquire(LEASES, "kept"), "ok");
  assertEquals(await other.release(LEASES, "kept"), "ok");
}

async function lockAll(lab: Lab, at: number): Promise<void> {
  await using caller = await Caller.connect(lab);
  for (let pair = 0; pair < PAIRS; pair++) {
    assertEquals(await caller.acquire(LEASES, `r${at}-${pair}`), "ok");
    assertEquals(await caller.release(LEASES, `r${at}-${pair}`), "ok");
  }
}

/** The kernel released the locks of the dead; whoever comes first has them. */
async function canLock(lab: Lab): Promise<void> {
  await using caller = await Caller.connect(lab);
  const made = await caller.createLockspace(LEASES);
  assert(made === "ok" || made.includes("already exists"), made);
  assertEquals(await caller.acquire(LEASES, "after"), "ok");
  assertEquals(await caller.release(LEASES, "after"), "ok");
}
