/** Scenarios: guests whose CPUs stand still hold no lock. */
import { assertStringIncludes } from "@std/assert";
import {
  assertFree,
  assertHeld,
  assertSurvivesReexec,
  guestOnDisk,
  type Scenario,
  startFirst,
} from "./libvirtd_check.ts";
import { DISK, guest, start } from "./libvirtd_guest.ts";
import type { LibvirtLab } from "./libvirtd_lab.ts";

async function assertResumeRefused(lab: LibvirtLab): Promise<void> {
  const { stderr } = await lab.try("virsh", "resume", "first");
  assertStringIncludes(stderr, `resource busy: Lockspace resource '${DISK}' is locked`);
}

export const pauseScenarios: readonly Scenario[] = [
  {
    title: "frees the disk of a suspended guest and locks it again at its resume",
    async run(lab): Promise<void> {
      await startFirst(lab);
      await lab.virsh("suspend", "first");
      await assertSurvivesReexec(lab, { held: {} });
      await lab.virsh("resume", "first");
      await assertSurvivesReexec(lab, guestOnDisk);
      await lab.virsh("destroy", "first");
      await assertFree(lab);
    },
  },
  {
    title: "refuses the resume of a guest whose disk has gone to another meanwhile",
    async run(lab): Promise<void> {
      await startFirst(lab);
      await lab.virsh("suspend", "first");
      await start(lab, guest("second"));
      await assertResumeRefused(lab);
      await assertSurvivesReexec(lab, {
        held: { [DISK]: "WRITE" },
        refused: { guest: guest("third"), resource: DISK },
      });
      await assertResumeRefused(lab);
      await lab.virsh("destroy", "second");
      await lab.virsh("resume", "first");
      await assertSurvivesReexec(lab, guestOnDisk);
    },
  },
  {
    title: "has nothing left to free when a suspended guest is destroyed",
    async run(lab): Promise<void> {
      await startFirst(lab);
      await lab.virsh("suspend", "first");
      await lab.virsh("destroy", "first");
      await assertFree(lab);
    },
  },
  {
    title: "frees the disk of a saved guest and locks it for the restored one",
    async run(lab): Promise<void> {
      await startFirst(lab);
      await lab.virsh("save", "first", "/srv/saved");
      await assertSurvivesReexec(lab, { held: {} });
      await lab.virsh("restore", "/srv/saved");
      await assertSurvivesReexec(lab, guestOnDisk);
      await lab.virsh("destroy", "first");
      await assertHeld(lab, {});
    },
  },
];
