/** What mdmpd reads, damaged. What must hold is said where the cases are made. */
import { assert } from "@std/assert";
import { mdmpdTargets } from "./mdmpd_targets.ts";

const SEED = 20_030_521;
const CASES = 50_000;

for (const target of mdmpdTargets(SEED)) {
  Deno.test(`mdmpd reads or refuses ${CASES} ${target.name}`, () => {
    for (let n = 0; n < CASES; n++) {
      try {
        target.step();
      } catch (error) {
        throw new Error(`seed ${SEED}, case ${n}: ${target.describe()}`, { cause: error });
      }
    }
    // The run has seen each ending often enough to mean something.
    for (const [ending, count] of Object.entries(target.tally)) {
      assert(count >= CASES / 100, `${ending}: ${count} of ${CASES}`);
    }
  });
}
