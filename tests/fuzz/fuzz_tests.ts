/** A short run of each target as a test. */
import { assert } from "@std/assert";
import type { FuzzTarget } from "./target.ts";

/** `makeTargets` gives those of a daemon, made from a seed; what must hold is said where their cases are made. */
export function fuzzTests(
  daemon: string,
  makeTargets: (seed: number) => readonly FuzzTarget[],
  seed: number,
  cases: number,
): void {
  for (const target of makeTargets(seed)) {
    Deno.test(`${daemon} reads or refuses ${cases} ${target.name}`, () => {
      for (let n = 0; n < cases; n++) step(target, `seed ${seed}, case ${n}`);
      // The run has seen each ending often enough to mean something.
      for (const [ending, count] of Object.entries(target.tally)) {
        assert(count >= cases / 100, `${ending}: ${count} of ${cases}`);
      }
    });
  }
}

function step(target: FuzzTarget, which: string): void {
  try {
    target.step();
  } catch (error) {
    throw new Error(`${which}: ${target.describe()}`, { cause: error });
  }
}
