/** Runs clusters, one for each seed, and gathers what went wrong. */
import { Cluster, harshPlanOf, planOf } from "./cluster.ts";
import { type Blame, isOriginal } from "./originals.ts";

export interface Outcome {
  clusters: number;
  steps: number;
  writes: number;
  messages: number;
  strays: number;
  readonly blame: Blame;
  /** `seed N: what was wrong`, in the order of the seeds. */
  readonly failures: string[];
}

/** Which seeds, and of which clusters. */
export interface Range {
  readonly first: number;
  readonly count: number;
  /** Whether every second node runs the daemon of lvm2. */
  readonly mixed?: boolean;
  /** Whether daemons die all the time. */
  readonly stress?: boolean;
}

/** Runs the seeds. `progress` is called after each. */
export function runSeeds(
  { first, count, mixed = false, stress = false }: Range,
  progress: (outcome: Outcome) => void = () => {},
): Outcome {
  const makeCluster = (seed: number): Cluster =>
    new Cluster(seed, stress ? harshPlanOf : planOf, mixed ? isOriginal(seed) : undefined);
  const outcome: Outcome = {
    clusters: 0,
    steps: 0,
    writes: 0,
    messages: 0,
    strays: 0,
    blame: { unwritten: 0, unmarked: 0, misled: 0, stuck: 0 },
    failures: [],
  };
  for (let seed = first; seed < first + count; seed++) {
    runSeed(seed, makeCluster, outcome);
    progress(outcome);
  }
  return outcome;
}

function runSeed(seed: number, makeCluster: (seed: number) => Cluster, outcome: Outcome): void {
  try {
    const { steps, writes, messages, strays, blame } = makeCluster(seed).run();
    outcome.steps += steps;
    outcome.writes += writes;
    outcome.messages += messages;
    outcome.strays += strays;
    outcome.blame.unwritten += blame.unwritten;
    outcome.blame.unmarked += blame.unmarked;
    outcome.blame.misled += blame.misled;
    outcome.blame.stuck += blame.stuck;
  } catch (error) {
    outcome.failures.push(`seed ${seed}: ${error instanceof Error ? error.message : error}`);
  }
  outcome.clusters++;
}
