/** Runs clusters, one for each seed, and gathers what went wrong. */
import { Cluster } from "./cluster.ts";

export interface Outcome {
  clusters: number;
  steps: number;
  writes: number;
  messages: number;
  /** `seed N: what was wrong`, in the order of the seeds. */
  readonly failures: string[];
}

/** Runs the seeds from `first` on. `progress` is called after each. */
export function runSeeds(
  first: number,
  count: number,
  progress: (outcome: Outcome) => void = () => {},
): Outcome {
  const outcome: Outcome = { clusters: 0, steps: 0, writes: 0, messages: 0, failures: [] };
  for (let seed = first; seed < first + count; seed++) {
    runSeed(seed, outcome);
    progress(outcome);
  }
  return outcome;
}

function runSeed(seed: number, outcome: Outcome): void {
  try {
    const { steps, writes, messages } = new Cluster(seed).run();
    outcome.steps += steps;
    outcome.writes += writes;
    outcome.messages += messages;
  } catch (error) {
    outcome.failures.push(`seed ${seed}: ${error instanceof Error ? error.message : error}`);
  }
  outcome.clusters++;
}
