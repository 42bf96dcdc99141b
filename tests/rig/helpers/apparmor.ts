/** AppArmor in a guest: the profile that a package brings, for the program as it was built. In a guest only. */
import { dirname } from "@std/path";
import type { Manifest } from "../../../src/host/manifest.ts";
import { profileText } from "../../../tasks/package/apparmor.ts";
import { sh } from "../../../tasks/rig/guest/guest.ts";
import { apparmorProfile } from "../../../tasks/unit.ts";

/** Whoever is executed as the program from now on is confined, where the profile is attached to its path. */
export function loadProfile(manifest: Manifest): void {
  const program = sh(`command -v ${manifest.name}`);
  const file = `/run/${apparmorProfile(manifest.name)}`;
  Deno.writeTextFileSync(file, profileText(manifest, dirname(program)));
  sh("mountpoint -q /sys/kernel/security || mount -t securityfs none /sys/kernel/security");
  sh(`apparmor_parser --replace --skip-cache ${file}`);
}

/** The profile of a process, and how it is meant: `NAME (enforce)`. */
export function profileOf(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/attr/current`).trim();
}

/** Lines of the kernel's log about what it has refused in the name of a profile. */
export function denials(): string[] {
  return sh("dmesg").split("\n").filter((line) => line.includes('apparmor="DENIED"'));
}
