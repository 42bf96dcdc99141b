/** Scenarios: guests, libvirtd and virtlockd start, stop and crash. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  assertFree,
  assertHeld,
  assertRefused,
  assertSurvivesReexec,
  becomesFree,
  guestOnDisk,
  running,
  type Scenario,
  startFirst,
} from "./libvirtd_check.ts";
import { createDisk, DISK, guest } from "./libvirtd_guest.ts";
import { eventually, type LibvirtLab } from "./libvirtd_lab.ts";

/** libvirtd has seen the end of the emulator, virtlockd the end of the holder's connection. */
async function guestEnded(lab: LibvirtLab): Promise<void> {
  await eventually(
    "libvirtd to see the guest's end",
    async () => (await running(lab)).length === 0,
  );
  await becomesFree(lab);
}

async function endOfLibvirtd(lab: LibvirtLab, signal: string): Promise<void> {
  const pid = await lab.libvirtdPid();
  await lab.kill(pid, signal);
  await lab.gone(pid);
}

async function survivesLibvirtd(lab: LibvirtLab, signal: string): Promise<void> {
  await startFirst(lab);
  await endOfLibvirtd(lab, signal);
  await assertHeld(lab, { [DISK]: "WRITE" });
  await lab.reexec();
  await assertHeld(lab, { [DISK]: "WRITE" });
  await lab.startLibvirtd();
  assertEquals(await running(lab), ["first"]);
  await assertSurvivesReexec(lab, guestOnDisk);
  await lab.virsh("destroy", "first");
  await assertFree(lab);
}

export const lifeScenarios: readonly Scenario[] = [
  {
    title: "locks the disk of a guest from its start to `virsh destroy`, across a re-exec",
    async run(lab): Promise<void> {
      await createDisk(lab);
      await assertSurvivesReexec(lab, { held: {} });
      await startFirst(lab);
      await assertSurvivesReexec(lab, guestOnDisk);
      const pid = await lab.guestPid("first");
      await lab.virsh("destroy", "first");
      await lab.gone(pid);
      await assertSurvivesReexec(lab, { held: {} });
      await assertFree(lab);
    },
  },
  {
    title: "frees the disk of a guest whose emulator ends by itself, before and after a re-exec",
    async run(lab): Promise<void> {
      for (const reexec of [false, true]) {
        await startFirst(lab);
        if (reexec) await assertSurvivesReexec(lab, guestOnDisk);
        // Fails if the emulator is gone before its answer is read.
        await lab.try("virsh", "qemu-monitor-command", "first", `{"execute":"quit"}`);
        await guestEnded(lab);
      }
      await assertFree(lab);
    },
  },
  {
    title: "frees the disk of a guest whose emulator is killed, before and after a re-exec",
    async run(lab): Promise<void> {
      for (const reexec of [false, true]) {
        await startFirst(lab);
        if (reexec) await assertSurvivesReexec(lab, guestOnDisk);
        await lab.kill(await lab.guestPid("first"), "KILL");
        await guestEnded(lab);
      }
      await assertFree(lab);
    },
  },
  {
    title: "keeps the lock of a guest while libvirtd is killed and started again",
    run: (lab) => survivesLibvirtd(lab, "KILL"),
  },
  {
    title: "keeps the lock of a guest while libvirtd is restarted",
    run: (lab) => survivesLibvirtd(lab, "TERM"),
  },
  {
    title: "frees the disk of a guest which crashes while there is no libvirtd",
    async run(lab): Promise<void> {
      await startFirst(lab);
      const emulator = await lab.guestPid("first");
      await endOfLibvirtd(lab, "KILL");
      await lab.reexec();
      await lab.kill(emulator, "KILL");
      await becomesFree(lab);
      await lab.startLibvirtd();
      await eventually("libvirtd to find out", async () => (await running(lab)).length === 0);
      await assertFree(lab);
    },
  },
  {
    title: "takes a guest's lock anew at its resume after having been killed and started again",
    async run(lab): Promise<void> {
      await startFirst(lab);
      const pid = await lab.daemonPid();
      await lab.kill(pid, "KILL");
      await lab.gone(pid);
      await lab.virsh("suspend", "first");
      const { stderr } = await lab.try("virsh", "resume", "first");
      assertStringIncludes(stderr, "Failed to connect socket to '/run/libvirt/virtlockd-sock'");
      await lab.startVirtlockd();
      await assertHeld(lab, {});
      await lab.virsh("resume", "first");
      await assertSurvivesReexec(lab, guestOnDisk);
    },
  },
  {
    title: "releases every lock and ends the guests holding one at SIGTERM",
    async run(lab): Promise<void> {
      await startFirst(lab);
      const [daemon, emulator] = [await lab.daemonPid(), await lab.guestPid("first")];
      await lab.kill(daemon, "TERM");
      await lab.gone(daemon);
      await lab.gone(emulator);
      await lab.startVirtlockd();
      await eventually("libvirtd to find out", async () => (await running(lab)).length === 0);
      await assertFree(lab);
      await assertRefused(lab, guest("second"), DISK);
    },
  },
];
