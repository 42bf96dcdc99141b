/** What every libvirtd scenario asserts, again and again. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createDisk, DISK, type Guest, guest, start, tryStart } from "./libvirtd_guest.ts";
import { eventually, type LibvirtLab, VIRTLOCKD_PID_FILE } from "./libvirtd_lab.ts";
import { expectedLocks, type Held } from "./libvirtd_locks.ts";

/** One situation of a host, told as a test. */
export interface Scenario {
  /** Completes "virtlockd ..." */
  readonly title: string;
  /** Lines of qemu-lockd.conf */
  readonly lockdPlugin?: string;
  run(lab: LibvirtLab): Promise<void>;
}

/** virtlockd's kernel locks are exactly these: none lost, none doubled, none left over. */
export async function assertHeld(lab: LibvirtLab, held: Held): Promise<void> {
  const all: Held = { ...held, [VIRTLOCKD_PID_FILE]: "WRITE" };
  assertEquals(await lab.locks(), await expectedLocks(all, (path) => lab.outside(path)));
}

/** The locks are freed a moment after the end of their owner. */
export async function becomesFree(lab: LibvirtLab): Promise<void> {
  await eventually("the locks to be freed", async () => (await lab.locks()).length === 1);
  await assertHeld(lab, {});
}

/** A start of the guest fails, and libvirtd says that it is for the lock on `resource`. */
export async function assertRefused(
  lab: LibvirtLab,
  guest: Guest,
  resource: string,
): Promise<void> {
  const { code, stderr } = await tryStart(lab, guest);
  assertStringIncludes(stderr, `error: resource busy: Lockspace resource '${resource}' is locked`);
  assertEquals(code, 1);
  assert(!(await running(lab)).includes(guest.name));
}

/** The names of the domains that exist, paused ones too. */
export async function running(lab: LibvirtLab): Promise<string[]> {
  return (await lab.virsh("list", "--name")).split("\n").filter((name) => name !== "");
}

export interface Situation {
  /** Locks of virtlockd now. */
  readonly held: Held;
  /** A guest which cannot start now, and the resource it lacks. */
  readonly refused?: { readonly guest: Guest; readonly resource: string };
}

/**
 * Asserts the situation, has virtlockd re-execute itself and asserts that nothing has changed:
 * the same process, the same locks on the same inodes, the same guests, the same refusal.
 */
export async function assertSurvivesReexec(lab: LibvirtLab, now: Situation): Promise<void> {
  await assertSituation(lab, now);
  const [pid, guests] = [await lab.daemonPid(), await running(lab)];
  await lab.reexec();
  assertEquals(await lab.daemonPid(), pid);
  await assertSituation(lab, now);
  assertEquals(await running(lab), guests);
}

async function assertSituation(lab: LibvirtLab, { held, refused }: Situation): Promise<void> {
  await assertHeld(lab, held);
  if (!refused) return;
  await assertRefused(lab, refused.guest, refused.resource);
  await assertHeld(lab, held);
}

/** The usual situation: a guest runs on DISK and no other may. */
export const guestOnDisk: Situation = {
  held: { [DISK]: "WRITE" },
  refused: { guest: guest("second"), resource: DISK },
};

/** Starts the guest "first" on a new DISK. */
export async function startFirst(lab: LibvirtLab): Promise<void> {
  await createDisk(lab);
  await start(lab, guest("first"));
}

/** The lab is as if no guest had ever been: no locks, and DISK can be had. */
export async function assertFree(lab: LibvirtLab): Promise<void> {
  assertEquals(await running(lab), []);
  await assertHeld(lab, {});
  await start(lab, guest("next"));
  await assertHeld(lab, { [DISK]: "WRITE" });
}
