/** Clusters of two to five nodes under random loads and accidents. What must hold after each step is in cmirrord/checks.ts. */
import { assert, assertEquals } from "@std/assert";
import { runSeeds } from "./cmirrord/run.ts";

const FIRST_SEED = 1;
const SEEDS = 2_000;

Deno.test(`${SEEDS} clusters lose no write, agree at every step and come to rest`, () => {
  const { writes, messages, failures } = runSeeds(FIRST_SEED, SEEDS);
  assertEquals(failures, []);
  assert(writes > 50 * SEEDS && messages > 20 * SEEDS, `${writes} writes, ${messages} messages`);
});
