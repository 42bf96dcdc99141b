/** What a test in a lab needs from its machine. */

/** Why a test of these programs cannot run here; undefined if it can. */
export async function obstacle(...programs: string[]): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "mount namespaces need root";
  for (const program of programs) {
    const there = await Deno.stat(program).then(() => true, () => false);
    if (!there) return `${program} is missing (package libvirt-daemon, or task build)`;
  }
  return undefined;
}

/** True, and says why, if a test cannot run: for `ignore` of Deno.test. */
export function skipped(test: string, reason: string | undefined): boolean {
  if (reason !== undefined) console.log(`SKIPPED ${test}: ${reason}`);
  return reason !== undefined;
}
