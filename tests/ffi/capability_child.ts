/** Gives up capabilities as told, and prints what it holds then. */
import {
  boundingSet,
  capabilityNames,
  capabilitySet,
  clearAmbientSet,
  heldCapabilities,
  keepCapabilities,
  limitBoundingSet,
  setNoNewPrivileges,
} from "../../ffi/capability.ts";
import { type Attempt, bindAll, tryAll } from "./attempts.ts";

export interface CapabilityOrder {
  readonly keep: readonly string[];
  readonly attempts: readonly Attempt[];
}

export interface CapabilityOutcome {
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly bounding: readonly string[];
  readonly limited: number;
  readonly results: readonly number[];
  /** /proc/thread-self/status, as the kernel tells it. */
  readonly status: Readonly<Record<string, string>>;
}

function readStatus(): Record<string, string> {
  const lines = Deno.readTextFileSync("/proc/thread-self/status").trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2)));
}

function obey({ keep, attempts }: CapabilityOrder): CapabilityOutcome {
  const set = capabilitySet(keep);
  setNoNewPrivileges();
  const limited = limitBoundingSet(set);
  clearAmbientSet();
  keepCapabilities(set & heldCapabilities().permitted);
  const { effective, permitted, inheritable } = heldCapabilities();
  return {
    effective: capabilityNames(effective),
    permitted: capabilityNames(permitted),
    inheritable: capabilityNames(inheritable),
    bounding: capabilityNames(boundingSet()),
    limited,
    results: tryAll(attempts),
    status: readStatus(),
  };
}

if (import.meta.main) {
  bindAll();
  console.log(JSON.stringify(obey(JSON.parse(Deno.args[0]))));
}
