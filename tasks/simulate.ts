/**
 * `deno task simulate [COUNT [FIRST]] [--mixed] [--stress]`: clusters of cmirrord in simulated time, one for each seed from FIRST on;
 * 1,000,000 from 1 on unless told otherwise. With --mixed every second node runs the daemon of lvm2; with --stress the clusters are
 * small, and their daemons die all the time. Prints each seed that fails, and how far it is; one alone is run again by
 * `deno task simulate 1 SEED`.
 */
import { parseArgs } from "node:util";
import { runSeeds } from "../tests/sim/cmirrord/run.ts";

const PROGRESS_MS = 30_000;

const { values: { mixed, stress }, positionals } = parseArgs({
  args: Deno.args,
  options: {
    mixed: { type: "boolean", default: false },
    stress: { type: "boolean", default: false },
  },
  allowPositionals: true,
});
const [count = 1_000_000, first = 1] = positionals.map(Number);
const start = performance.now();
let failed = 0;
let nextMs = PROGRESS_MS;

console.log(`seeds ${first} to ${first + count - 1}`);
const range = { first, count, mixed, stress };
const { clusters, steps, writes, messages, strays, blame, failures } = runSeeds(
  range,
  (outcome) => {
    for (const failure of outcome.failures.slice(failed)) console.log(failure);
    failed = outcome.failures.length;
    const spentMs = performance.now() - start;
    if (spentMs < nextMs) return;
    nextMs = spentMs + PROGRESS_MS;
    const rate = (1000 * outcome.clusters / spentMs).toFixed(0);
    console.log(`${outcome.clusters} of ${count} clusters, ${rate} a second, ${failed} failures`);
  },
);
console.log(
  `${clusters} clusters, ${steps} steps, ${writes} writes, ${messages} messages, ${failures.length} failures`,
);
if (strays > 0) console.log(`writes to one leg of kernels that had given up: ${strays}`);
if (mixed) console.log(`wrong bits by daemons of lvm2: ${JSON.stringify(blame)}`);
Deno.exit(failures.length === 0 ? 0 : 1);
