/** The lock machine against a reference model, over any steps (model/): replies, table, files, kernel locks, descriptors. */
import { assert } from "@std/assert";
import fc from "fast-check";
import { anyStep, PRELUDE, type Step } from "./model/steps.ts";
import { seen, World } from "./model/world.ts";

const RUNS = 10_000;
const STEPS = 100;
const SEED = 20_230_116;

function run(steps: readonly Step[]): void {
  const world = new World();
  for (const step of PRELUDE) world.do(step);
  for (const step of steps) world.do(step);
  world.end();
}

Deno.test(`LockMachine answers and keeps its locks as the reference does in ${RUNS} runs of ${STEPS} steps`, () => {
  const steps = fc.array(anyStep, { minLength: STEPS, maxLength: STEPS, size: "max" });
  fc.assert(fc.property(steps, run), { seed: SEED, numRuns: RUNS });
  for (const [what, times] of Object.entries(seen)) {
    assert(times > RUNS / 5, `${what} was seen ${times} times only`);
  }
});

Deno.test("LockMachine answers and keeps its locks as the reference does in short runs", () => {
  fc.assert(fc.property(fc.array(anyStep), run), { seed: SEED + 1, numRuns: 2_000 });
});
