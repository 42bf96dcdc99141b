/**
 * Runs a scenario on machines of its own and returns what came of it. For tests:
 *
 *     await using run = await runScenario("device_mapper", { env: { SIZE: "64" } });
 *     run.faults;                      // [] when it was a success
 *     run.checks;                      // all nodes' checks: name, ok, detail
 *     run.nodes[0].console;            // what went to the serial console: kernel warnings, and what the scenario printed
 *     run.nodes[0].kernelLog;          // everything the kernel said
 *     run.output(1, "report.txt");     // path of a file that node 1 wrote to $RIG_OUTPUT/report.txt
 *     run.disk("data", 1);             // path of the image of node 1's disk; run.disk("leg") of a shared one
 */
import { join } from "@std/path";
import { exists, root } from "../toolchain.ts";
import { obtainBoot } from "./boot.ts";
import { environmentOf } from "./environment.ts";
import { type NodeRun, runNodes } from "./nodes.ts";
import { missingPrograms } from "./requirements.ts";
import type { Check } from "./results.ts";
import { RunFolder } from "./run_folder.ts";
import { loadScenario, type Plan, type Scenario } from "./scenario.ts";

/** What may differ from the scenario's own plan, and what it is told. */
export interface RunOptions extends Partial<Plan> {
  /** The scenario's "$@", or Deno.args. */
  readonly args?: readonly string[];
  /** Further environment variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called for each line of a node's results as it comes. */
  readonly onLine?: (node: number, line: string) => void;
  /** Leave the run's folder where it is. */
  readonly keep?: boolean;
  /** Ends the machines at once; their run is then a failure like any other. */
  readonly signal?: AbortSignal;
}

/** A run that has ended. Its folder goes with `await using`. */
export class ScenarioRun {
  constructor(
    readonly scenario: Scenario,
    readonly nodes: readonly NodeRun[],
    readonly seconds: number,
    readonly folder: RunFolder,
    readonly keep: boolean,
  ) {}

  /** The checks of all nodes; in a cluster their names begin with the node's. */
  get checks(): readonly Check[] {
    if (this.nodes.length === 1) return this.nodes[0].checks;
    return this.nodes.flatMap(({ node, checks }) =>
      checks.map((check) => ({ ...check, name: `node${node}: ${check.name}` }))
    );
  }

  /** Everything that keeps the run from being a success; failed checks are not among them. */
  get faults(): readonly string[] {
    const faults = this.nodes.flatMap(({ node, faults }) =>
      faults.map((one) => `node${node} ${one}`)
    );
    return this.checks.length > 0 ? faults : [...faults, "no check was made"];
  }

  get ok(): boolean {
    return this.faults.length === 0 && this.checks.every(({ ok }) => ok);
  }

  /** Path of a file that a node left in $RIG_OUTPUT. */
  output(node: number, name: string): string {
    return join(this.folder.ofNode(node), "output", name);
  }

  /** Path of the image of a shared disk, or of a node's own. */
  disk(name: string, node?: number): string {
    return this.folder.disk(name, node);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder.close(this.keep);
  }
}

/** Runs a scenario, by name or path. Throws when it cannot be started; else see `faults` and `checks`. */
export async function runScenario(
  nameOrPath: string,
  options: RunOptions = {},
): Promise<ScenarioRun> {
  const scenario = await loadScenario(nameOrPath);
  const { args = [], env = {}, onLine = () => {}, keep = false, signal, ...changes } = options;
  const plan: Plan = { ...scenario.plan, ...changes };
  await requirePrograms(plan);
  const boot = await obtainBoot();
  signal?.throwIfAborted();
  const environment = await environmentOf(scenario.path, plan, boot, args, env);
  const folder = await RunFolder.create(plan, environment);
  try {
    const began = performance.now();
    const nodes = await runNodes(folder, boot, onLine, signal);
    return new ScenarioRun(scenario, nodes, (performance.now() - began) / 1000, folder, keep);
  } catch (error) {
    await folder.close(false);
    throw error;
  }
}

async function requirePrograms({ daemons, needs }: Plan): Promise<void> {
  const missing = await missingPrograms(needs);
  if (missing.length > 0) throw new Error(`the scenario needs ${missing.join(", ")}`);
  for (const name of daemons) {
    if (!await exists(join(root, "dist", name))) {
      throw new Error(`dist/${name} is missing: task build`);
    }
  }
}
