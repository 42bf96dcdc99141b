/**
 * virtlockd hands over to its successor in a running system: C to ours, ours to C, ours to ours,
 * with 1,000 locks, 100 connected clients and a guest.
 */
import { assert, assertEquals } from "@std/assert";
import { Load, locksOfLoad, locksWithout } from "./handover_load.ts";
import { LOCK_SOCKET } from "./lab_daemon.ts";
import { assertHeld, assertRefused, running, startFirst } from "./libvirtd_check.ts";
import { DISK, guest } from "./libvirtd_guest.ts";
import { eventually, LibvirtLab } from "./libvirtd_lab.ts";
import type { Held } from "./libvirtd_locks.ts";
import {
  C_COMPILER,
  type Candidate,
  LIBVIRT_PROGRAMS,
  nativeTest,
  original as c,
  ours,
} from "./native_test.ts";

const size = { clients: 100, holders: 10, exclusive: 600, shared: 200, direct: 200 };

/** Nothing lost, nothing doubled, nobody dropped, the guest still there and still protected. */
async function assertWhole(
  lab: LibvirtLab,
  load: Load,
  locks: Held,
  clients: number,
): Promise<void> {
  await assertHeld(lab, { ...locks, [DISK]: "WRITE" });
  assertEquals(await load.round(), { answered: clients, failed: 0, dropped: 0 });
  await assertHeld(lab, { ...locks, [DISK]: "WRITE" });
  assertEquals(await running(lab), ["first"]);
  await assertRefused(lab, guest("second"), DISK);
}

async function hop(lab: LibvirtLab, load: Load, from: Candidate, to: Candidate): Promise<void> {
  const pid = await lab.daemonPid();
  await lab.installDaemon(to.path);
  const ms = await load.reexec(pid);
  if (ms === undefined) throw new Error(`${from.label} -> ${to.label}\n${await lab.log()}`);
  assertEquals(await lab.daemonPid(), pid);
  assert(await lab.runsInstalled(), `the process does not run the binary of ${to.label}`);
  const time = `${ms.toFixed(1)} ms with ${Object.keys(locksOfLoad(size)).length} locks`;
  console.log(`${from.label} -> ${to.label}: SIGUSR1 to the first reply ${time}`);
}

/** The last daemon of the chain still knows whose locks go with which connection. */
async function assertOwnersKnown(lab: LibvirtLab, load: Load): Promise<void> {
  const holder = await load.drop(0);
  const rest = { ...locksWithout(0, size), [DISK]: "WRITE" } as const;
  const left = Object.keys(rest).length + 1;
  await eventually("a holder's locks to go", async () => (await lab.locks()).length === left);
  await lab.gone(holder);
  await assertWhole(lab, load, locksWithout(0, size), size.clients - 1);
  await lab.virsh("destroy", "first");
  await assertHeld(lab, locksWithout(0, size));
}

async function handOver(chain: readonly Candidate[]): Promise<void> {
  await using lab = await LibvirtLab.open({ binary: chain[0].path });
  await startFirst(lab);
  await using load = await Load.start(lab, LOCK_SOCKET, size);
  await assertWhole(lab, load, locksOfLoad(size), size.clients);
  for (const [index, next] of chain.slice(1).entries()) {
    await hop(lab, load, chain[index], next);
    await assertWhole(lab, load, locksOfLoad(size), size.clients);
  }
  await assertOwnersKnown(lab, load);
}

for (const chain of [[c, c, c], [c, ours, c, ours, ours]]) {
  const name = `SIGUSR1 loses no lock, client or guest: ${
    chain.map(({ label }) => label).join(" -> ")
  }`;
  const programs = [...chain.map(({ path }) => path), ...LIBVIRT_PROGRAMS, C_COMPILER];
  nativeTest(name, programs, () => handOver(chain));
}
