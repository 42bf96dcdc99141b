/** Clusters of two to five nodes under random loads and accidents. What must hold after each step is in cmirrord/checks.ts. */
import { assert, assertEquals } from "@std/assert";
import { runSeeds } from "./cmirrord/run.ts";

const FIRST_SEED = 1;
const SEEDS = 2_000;
const MIXED_SEEDS = 1_000;
const STRESS_SEEDS = 2_000;
const MIXED_STRESS_SEEDS = 500;
/** Mixed ones that a server of lvm2 leads astray, each in its own way: by a checkpoint, a copy of what is written, a hint, no work. */
const MIXED_ONCE_FAILED = [206, 313, 834, 1547, 2482, 3588, 4651, 12271, 20680];
const MIXED_STRESS_ONCE_FAILED = [
  ...[796, 1848, 3140, 5349, 6465, 700945, 701903, 702990, 703850, 741014, 741965],
];
/** Further ones that have failed once. */
const ONCE_FAILED = [
  ...[5821, 6079, 6961, 7150, 13371, 15678, 21940, 23650, 30904, 34856, 57679, 72231, 74601],
  ...[103363, 110725, 130010, 402183],
];

Deno.test(`${SEEDS} clusters lose no write, agree at every step and come to rest`, () => {
  const { writes, messages, blame, failures } = runSeeds({ first: FIRST_SEED, count: SEEDS });
  assertEquals(failures, []);
  assert(writes > 50 * SEEDS && messages > 20 * SEEDS, `${writes} writes, ${messages} messages`);
  assertEquals(blame, { unwritten: 0, unmarked: 0, misled: 0, stuck: 0 });
});

Deno.test(`${MIXED_SEEDS} clusters whose every second node runs lvm2's daemon keep our replicas, and the log that ours write, right while ours are the servers`, () => {
  const range = { first: FIRST_SEED, count: MIXED_SEEDS, mixed: true };
  const { writes, messages, blame, failures } = runSeeds(range);
  for (const first of MIXED_ONCE_FAILED) {
    failures.push(...runSeeds({ first, count: 1, mixed: true }).failures);
  }
  assertEquals(failures, []);
  assert(writes > 50 * MIXED_SEEDS && messages > 50 * MIXED_SEEDS, `${writes}, ${messages}`);
  // Among nodes of lvm2 alone they were twelve in 300 clusters.
  const wrong = blame.unwritten + blame.unmarked;
  assert(wrong < MIXED_SEEDS / 30, `wrong bits on disk: ${JSON.stringify(blame)}`);
  assert(blame.misled < MIXED_SEEDS / 200, `wrong bits in our replicas: ${blame.misled}`);
  assert(blame.stuck < MIXED_SEEDS / 200, `never at rest: ${blame.stuck}`);
});

Deno.test(`${STRESS_SEEDS} small clusters whose daemons die all the time lose no write either`, () => {
  const range = { first: FIRST_SEED, count: STRESS_SEEDS, stress: true };
  const { writes, strays, failures } = runSeeds(range);
  for (const first of ONCE_FAILED) {
    failures.push(...runSeeds({ first, count: 1, stress: true }).failures);
  }
  assertEquals(failures, []);
  // Where a kernel has given up, and writes on one leg, is excused (legs.ts). So it must hardly ever come to that.
  assert(writes > 50 * STRESS_SEEDS && strays < writes / 1_000, `${strays} of ${writes}`);
});

Deno.test(`${MIXED_STRESS_SEEDS} such clusters do so beside nodes with lvm2's daemon`, () => {
  const range = { first: FIRST_SEED, count: MIXED_STRESS_SEEDS, mixed: true, stress: true };
  const { writes, blame, failures } = runSeeds(range);
  for (const first of MIXED_STRESS_ONCE_FAILED) {
    failures.push(...runSeeds({ first, count: 1, mixed: true, stress: true }).failures);
  }
  assertEquals(failures, []);
  const { misled, stuck } = blame;
  assert(writes > 50 * MIXED_STRESS_SEEDS && misled + stuck < MIXED_STRESS_SEEDS / 100);
});
