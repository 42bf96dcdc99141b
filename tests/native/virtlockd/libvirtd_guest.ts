/** Guests small enough to start in a third of a second: QEMU without KVM, 8 MiB, no system in them. */
import type { LibvirtLab, Outcome } from "./libvirtd_lab.ts";

export interface Disk {
  readonly path: string;
  readonly mode?: "shareable" | "readonly";
}

/** A `<lease>`: the lockspace is the folder `folder/lockspace`, the resource the file `key` in it. */
export interface Lease {
  readonly folder: string;
  readonly lockspace: string;
  readonly key: string;
}

export interface Guest {
  readonly name: string;
  readonly disks: readonly Disk[];
  readonly leases?: readonly Lease[];
}

const QEMU_NAMESPACE = "http://libvirt.org/schemas/domain/qemu/1.0";

/** The disk image of most tests. */
export const DISK = "/srv/disk.img";

/** A guest with DISK alone, not shareable. */
export function guest(name: string): Guest {
  return { name, disks: [{ path: DISK }] };
}

export async function createDisk(lab: LibvirtLab, path = DISK): Promise<void> {
  await lab.write(path, "\0".repeat(1 << 20));
}

/** `virsh create`; throws an Error if libvirtd refuses. */
export async function start(lab: LibvirtLab, guest: Guest): Promise<void> {
  await lab.virsh("create", await describe(lab, guest));
}

/** `virsh create` whatever comes of it. */
export async function tryStart(lab: LibvirtLab, guest: Guest): Promise<Outcome> {
  const file = await describe(lab, guest);
  return await lab.try("virsh", "-q", "create", file);
}

async function describe(lab: LibvirtLab, guest: Guest): Promise<string> {
  const file = `/run/hostkeep/${guest.name}.xml`;
  await lab.write(file, domain(guest));
  return file;
}

function domain(guest: Guest): string {
  return `<domain type='qemu' xmlns:qemu='${QEMU_NAMESPACE}'>
  <name>${guest.name}</name>
  <memory unit='MiB'>8</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    ${guest.disks.map(disk).join("\n    ")}
    ${(guest.leases ?? []).map(lease).join("\n    ")}
  </devices>
  <qemu:override>${guest.disks.map(ownLockOff).join("")}</qemu:override>
</domain>
`;
}

export function disk(disk: Disk, index: number): string {
  const mode = disk.mode ? `<${disk.mode}/>` : "";
  const target = `<target dev='${diskName(index)}' bus='virtio'/><alias name='ua-disk${index}'/>`;
  return `<disk type='file' device='disk'><driver name='qemu' type='raw'/>` +
    `<source file='${disk.path}'/>${target}${mode}</disk>`;
}

function diskName(index: number): string {
  return `vd${String.fromCharCode("a".charCodeAt(0) + index)}`;
}

function lease(lease: Lease): string {
  return `<lease><lockspace>${lease.lockspace}</lockspace><key>${lease.key}</key>` +
    `<target path='${lease.folder}'/></lease>`;
}

/**
 * Has QEMU allow other writers. Two guests of one host would otherwise be told apart by QEMU's own
 * image lock, which is taken long before libvirtd asks virtlockd, so that the refusal under test
 * could not be seen. That lock does not exist between hosts; virtlockd's, in a lockspace, does.
 */
function ownLockOff(_: Disk, index: number): string {
  const property = `<qemu:property name='share-rw' type='bool' value='true'/>`;
  return `<qemu:device alias='ua-disk${index}'><qemu:frontend>${property}</qemu:frontend>` +
    `</qemu:device>`;
}
