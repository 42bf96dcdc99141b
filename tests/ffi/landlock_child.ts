/** Confines itself as the JSON in its argument says, then tries things, and prints what became of each as JSON. */
import { setNoNewPrivileges } from "../../ffi/capability.ts";
import { landlockAbi, Ruleset } from "../../ffi/landlock.ts";
import { type Attempt, bindAll, tryAll } from "./attempts.ts";

export interface LandlockOrder {
  /** Path, LANDLOCK_ACCESS_FS_… */
  readonly grants: readonly (readonly [path: string, rights: number])[];
  readonly scopeSignals?: boolean;
  /** As if the kernel knew no more than this. */
  readonly abi?: number;
  /** How often to confine itself; once by default. */
  readonly layers?: number;
  readonly attempts: readonly Attempt[];
}

export interface LandlockOutcome {
  readonly granted: number[];
  readonly restricted: number[];
  readonly results: number[];
}

function confine(order: LandlockOrder, granted: number[]): number {
  const ruleset = new Ruleset(order.abi ?? landlockAbi(), order.scopeSignals ?? false);
  for (const [path, rights] of order.grants) granted.push(ruleset.grant(path, rights));
  const restricted = ruleset.restrictSelf();
  ruleset.close();
  return restricted;
}

function obey(order: LandlockOrder): LandlockOutcome {
  setNoNewPrivileges();
  const granted: number[] = [];
  const restricted: number[] = [];
  for (let i = 0; i < (order.layers ?? 1); i++) restricted.push(confine(order, granted));
  return { granted, restricted, results: tryAll(order.attempts) };
}

if (import.meta.main) {
  bindAll();
  console.log(JSON.stringify(obey(JSON.parse(Deno.args[0]))));
}
