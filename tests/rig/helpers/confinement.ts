/** What the kernel shows of a live process's privileges, against a manifest. In a guest only. */
import type { Manifest } from "../../../src/host/manifest.ts";

/** linux/capability.h */
const CAPABILITIES: Readonly<Record<string, number>> = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_SYS_ADMIN: 21,
};
const FILTERED = "2"; // SECCOMP_MODE_FILTER, linux/seccomp.h

function hex(set: bigint): string {
  return set.toString(16).padStart(16, "0");
}

/** Fields of /proc/PID/status, and what they are to be. */
export function wantedPrivileges({ capabilities }: Manifest): Record<string, string> {
  const bits = capabilities.map(({ name }) => 1n << BigInt(CAPABILITIES[name]));
  const kept = hex(bits.reduce((sum, bit) => sum | bit, 0n));
  return {
    Threads: "1",
    NoNewPrivs: "1",
    CapInh: hex(0n),
    CapPrm: kept,
    CapEff: kept,
    CapBnd: kept,
    CapAmb: hex(0n),
    Seccomp: FILTERED,
    Seccomp_filters: "1",
  };
}

export function statusField(pid: number, field: string): string {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  return new RegExp(`^${field}:\\s+(.*)$`, "m").exec(text)?.[1] ?? "";
}

/** The same fields as the process has them. */
export function privileges(pid: number, manifest: Manifest): Record<string, string> {
  const fields = Object.keys(wantedPrivileges(manifest));
  return Object.fromEntries(fields.map((field) => [field, statusField(pid, field)]));
}

export function childrenOf(pid: number): number[] {
  const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
  return text.split(" ").filter((word) => word !== "").map(Number);
}

/** Times that a process went to sleep: it woke as often. */
export function sleeps(pid: number): number {
  return Number(statusField(pid, "voluntary_ctxt_switches"));
}

/** Where its descriptors lead. */
export function openLinks(pid: number): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)]
    .map(({ name }) => Deno.readLinkSync(`/proc/${pid}/fd/${name}`));
}
