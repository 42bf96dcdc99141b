/** Registration of tests that run real daemons. */
import { C_DAEMON, ownDaemon } from "./lab_daemon.ts";

/** What a lab with libvirtd in it runs. */
export const LIBVIRT_PROGRAMS = [
  "/usr/sbin/libvirtd",
  "/usr/bin/virsh",
  "/usr/bin/virt-admin",
  "/usr/bin/qemu-system-x86_64",
] as const;

/** Compiles the clients that are not written in TypeScript. */
export const C_COMPILER = "/usr/bin/cc";

/** A virtlockd and what the titles of its tests call it. */
export interface Candidate {
  readonly label: string;
  readonly path: string;
}

export const original: Candidate = { label: "C", path: C_DAEMON };
export const ours: Candidate = { label: "hostkeep", path: ownDaemon() };
export const candidates: readonly Candidate[] = [original, ours];

/** A test that is skipped, saying so, without root or where one of the programs is missing. */
export function nativeTest(
  name: string,
  programs: readonly string[],
  fn: (t: Deno.TestContext) => Promise<void>,
): void {
  const absent = programs.find((program) => !isThere(program));
  const reason = Deno.uid() !== 0 ? "needs root" : absent && `${absent} is not there`;
  if (reason) console.log(`SKIPPED ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn });
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
