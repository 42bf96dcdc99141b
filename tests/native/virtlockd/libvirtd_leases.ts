/** Scenarios: what is locked for a guest, and where. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { assertHeld, assertSurvivesReexec, type Scenario, startFirst } from "./libvirtd_check.ts";
import { createDisk, DISK, disk, type Guest, guest, start, tryStart } from "./libvirtd_guest.ts";
import { exists, type LibvirtLab } from "./libvirtd_lab.ts";

const LOCKSPACE = "/srv/leases/disks";
/** A disk that is plugged into running guests. */
const PLUGGED = "/srv/plugged.img";
const LEASE_FILE = `${LOCKSPACE}/key-1`;

function withLease(name: string): Guest {
  const lease = { folder: "/srv/leases", lockspace: "disks", key: "key-1" };
  return { name, disks: [], leases: [lease] };
}

function sharing(name: string): Guest {
  return { name, disks: [{ path: DISK, mode: "shareable" }] };
}

/** Where the plugin locks a disk indirectly: the name is the hexadecimal SHA-256 of its path. */
async function indirectLease(path: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(path));
  return `${LOCKSPACE}/${new Uint8Array(digest).toHex()}`;
}

function attachTo(name: string): string[] {
  return ["attach-device", name, "/run/hostkeep/plugged.xml", "--live"];
}

async function assertAttachRefused(lab: LibvirtLab, name: string): Promise<void> {
  const { stderr } = await lab.try("virsh", ...attachTo(name));
  assertStringIncludes(stderr, `resource busy: Lockspace resource '${PLUGGED}' is locked`);
}

async function sharedByTwo(lab: LibvirtLab, lease: string): Promise<void> {
  await createDisk(lab);
  await start(lab, sharing("first"));
  await start(lab, sharing("second"));
  const refused = { guest: guest("third"), resource: lease.slice(lease.lastIndexOf("/") + 1) };
  if (lease === DISK) refused.resource = DISK;
  const now = { held: { [lease]: "READ" }, refused } as const;
  await assertSurvivesReexec(lab, now);
  await lab.virsh("destroy", "first");
  await assertSurvivesReexec(lab, now);
  await lab.virsh("destroy", "second");
  await assertHeld(lab, {});
  await start(lab, guest("third"));
  await assertSurvivesReexec(lab, {
    held: { [lease]: "WRITE" },
    refused: { guest: sharing("fourth"), resource: refused.resource },
  });
}

export const leaseScenarios: readonly Scenario[] = [
  {
    title: "locks a disk by a lease file of its own in file_lockspace_dir, and unlinks that file",
    lockdPlugin: `file_lockspace_dir = "${LOCKSPACE}"\n`,
    async run(lab): Promise<void> {
      const lease = await indirectLease(DISK);
      const name = lease.slice(LOCKSPACE.length + 1);
      assert((await Deno.stat(lab.outside(LOCKSPACE))).isDirectory);
      await startFirst(lab);
      const refused = { guest: guest("second"), resource: name };
      await assertSurvivesReexec(lab, { held: { [lease]: "WRITE" }, refused });
      await lab.virsh("destroy", "first");
      await assertHeld(lab, {});
      assert(!await exists(lab.outside(lease)), "the lease file is still there");
      await start(lab, guest("second"));
      await assertHeld(lab, { [lease]: "WRITE" });
    },
  },
  {
    title: "shares the lease file of a shareable disk and unlinks it with the last guest",
    lockdPlugin: `file_lockspace_dir = "${LOCKSPACE}"\n`,
    async run(lab): Promise<void> {
      await sharedByTwo(lab, await indirectLease(DISK));
    },
  },
  {
    title: "locks a shareable disk for two guests at once and against a third, exclusive one",
    run: (lab) => sharedByTwo(lab, DISK),
  },
  {
    title: "locks the file a `<lease>` element names and never unlinks it",
    lockdPlugin: `auto_disk_leases = 1\nfile_lockspace_dir = "${LOCKSPACE}"\n`,
    async run(lab): Promise<void> {
      await lab.write(LEASE_FILE, "");
      await start(lab, withLease("first"));
      const refused = { guest: withLease("second"), resource: "key-1" };
      await assertSurvivesReexec(lab, { held: { [LEASE_FILE]: "WRITE" }, refused });
      await lab.virsh("destroy", "first");
      await assertSurvivesReexec(lab, { held: {} });
      assert(await exists(lab.outside(LEASE_FILE)));
      await start(lab, withLease("second"));
      await assertHeld(lab, { [LEASE_FILE]: "WRITE" });
    },
  },
  {
    title: "refuses a `<lease>` in a lockspace it does not know, and one without a file",
    lockdPlugin: `file_lockspace_dir = "${LOCKSPACE}"\n`,
    async run(lab): Promise<void> {
      await createDisk(lab);
      const { stderr: noFile } = await tryStart(lab, withLease("first"));
      const text = `Unable to open resource ${LEASE_FILE}: No such file or directory`;
      assertStringIncludes(noFile, text);
      const lease = { folder: "/srv", lockspace: "elsewhere", key: "key-1" };
      const { stderr: noLockspace } = await tryStart(lab, { ...guest("first"), leases: [lease] });
      assertStringIncludes(noLockspace, "Lockspace for path /srv/elsewhere does not exist");
      await assertHeld(lab, {});
    },
  },
  {
    title: "locks no disk that is read-only, and every disk that is not",
    async run(lab): Promise<void> {
      for (const path of ["/srv/a", "/srv/b", "/srv/c"]) await createDisk(lab, path);
      const disks = [{ path: "/srv/a" }, { path: "/srv/b" }] as const;
      await start(lab, { name: "first", disks: [...disks, { path: "/srv/c", mode: "readonly" }] });
      const second = { name: "second", disks: [{ path: "/srv/b" }] };
      await assertSurvivesReexec(lab, {
        held: { "/srv/a": "WRITE", "/srv/b": "WRITE" },
        refused: { guest: second, resource: "/srv/b" },
      });
      await lab.virsh("destroy", "first");
      await assertHeld(lab, {});
    },
  },
  {
    title: "locks a disk plugged into a running guest and refuses to plug it into a second one",
    async run(lab): Promise<void> {
      await startFirst(lab);
      await createDisk(lab, "/srv/other");
      await start(lab, { name: "other", disks: [{ path: "/srv/other" }] });
      await createDisk(lab, PLUGGED);
      await lab.write("/run/hostkeep/plugged.xml", disk({ path: PLUGGED }, 1));
      await lab.virsh(...attachTo("other"));
      await assertAttachRefused(lab, "first");
      const held = { [DISK]: "WRITE", "/srv/other": "WRITE", [PLUGGED]: "WRITE" } as const;
      await assertSurvivesReexec(lab, { held });
      await assertAttachRefused(lab, "first");
      await lab.virsh("destroy", "other");
      await lab.virsh(...attachTo("first"));
      await assertSurvivesReexec(lab, { held: { [DISK]: "WRITE", [PLUGGED]: "WRITE" } });
      await lab.virsh("destroy", "first");
      await assertHeld(lab, {});
    },
  },
  {
    title: "locks nothing but leases with auto_disk_leases = 0",
    lockdPlugin: `auto_disk_leases = 0\nrequire_lease_for_disks = 1\n`,
    async run(lab): Promise<void> {
      await createDisk(lab);
      const { code, stderr } = await tryStart(lab, guest("first"));
      assertEquals(code, 1);
      assertStringIncludes(stderr, "disks were present, but no leases specified");
      await assertHeld(lab, {});
    },
  },
];
