/**
 * `deno task simulate [COUNT [FIRST]]`: clusters of cmirrord in simulated time, one for each seed; 1,000,000 unless told otherwise.
 * Prints each seed that fails; one alone is run again by `deno task simulate 1 SEED`.
 */
import { runSeeds } from "../tests/sim/cmirrord/run.ts";

const [count = 1_000_000, first = 1] = Deno.args.map(Number);
let failed = 0;
const { clusters, steps, writes, messages, failures } = runSeeds(first, count, (outcome) => {
  for (const failure of outcome.failures.slice(failed)) console.log(failure);
  failed = outcome.failures.length;
  if (outcome.clusters % 10_000 === 0) console.log(`${outcome.clusters} clusters`);
});
console.log(
  `${clusters} clusters, ${steps} steps, ${writes} writes, ${messages} messages, ${failures.length} failures`,
);
Deno.exit(failures.length === 0 ? 0 : 1);
