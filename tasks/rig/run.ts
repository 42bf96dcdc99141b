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
import { denoFolders, exists, root } from "../toolchain.ts";
import { type Boot, obtainBoot } from "./boot.ts";
import type { Machine } from "./command.ts";
import { Follower, followUntil } from "./follow.ts";
import { cablesOf } from "./network.ts";
import { MachineProcess } from "./process.ts";
import { findProgram, missingPrograms, output } from "./requirements.ts";
import {
  type Check,
  type Ending,
  faultsOf,
  kernelLog,
  parseResults,
  type Results,
} from "./results.ts";
import { quote, RunFolder } from "./run_folder.ts";
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
}

/** What came of one node. */
export interface NodeRun extends Results {
  readonly node: number;
  readonly console: string;
  readonly kernelLog: string;
  /** From the start of QEMU to the first line of results. */
  readonly firstLineSeconds: number | undefined;
  readonly faults: readonly string[];
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
  const { args = [], env = {}, onLine = () => {}, keep = false, ...changes } = options;
  const plan: Plan = { ...scenario.plan, ...changes };
  await requirePrograms(plan);
  const boot = await obtainBoot();
  const environment = await environmentOf(scenario.path, plan, boot, args, env);
  const folder = await RunFolder.create(plan, environment);
  try {
    const began = performance.now();
    const nodes = await runNodes(folder, boot, onLine);
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

/** What the second stage and the scenario find in their environment. Our daemons come first on PATH. */
export async function environmentOf(
  scenario: string,
  plan: Plan,
  boot: Boot,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  if (scenario.endsWith(".ts")) await compileOnHost(scenario);
  return {
    RIG_SCENARIO: scenario,
    RIG_ARGUMENTS: args.map(quote).join(" "),
    RIG_NODES: String(plan.nodes),
    RIG_LIMIT_SECONDS: String(plan.limitSeconds),
    RIG_CHECKOUT: root,
    RIG_RELEASE: boot.release,
    RIG_MODULES: boot.modules,
    RIG_DENO: Deno.execPath(),
    DENO_DIR: (await denoFolders()).denoDir,
    PATH: `${root}/dist:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: Deno.env.get("HOME") ?? "/tmp",
    LANG: "C.UTF-8",
    NO_COLOR: "1",
    DM_DISABLE_UDEV: "1", // libdevmapper makes the nodes itself; a guest has no udevd
    ...env,
  };
}

/** The guest sees Deno's cache and finds the scenario in it, ready to run. */
async function compileOnHost(scenario: string): Promise<void> {
  await output(await findProgram("env") ?? "env", [
    ...["RUST_BACKTRACE=0", Deno.execPath(), "cache", "--quiet", "--no-check"],
    ...[`--config=${join(root, "deno.json")}`, scenario],
  ]);
}

/** The machine of a node of the run. */
export function machineOf(folder: RunFolder, node: number, boot: Boot): Machine {
  const { plan, path } = folder;
  return {
    name: `node${node}`,
    acceleration: boot.acceleration,
    image: boot.image,
    initramfs: boot.initramfs,
    kernelArguments: [`rig.node=${node}`],
    cpus: plan.cpus,
    memoryMiB: plan.memoryMiB,
    console: folder.console(node),
    share: join(path, "share"),
    disks: folder.disksOf(node),
    cables: cablesOf(node, plan.nodes),
  };
}

async function runNodes(
  folder: RunFolder,
  boot: Boot,
  onLine: (node: number, line: string) => void,
): Promise<NodeRun[]> {
  const nodes = folder.nodes();
  const began = performance.now();
  const firstLines = new Map<number, number>();
  const processes = await Promise.all(
    nodes.map((node) => MachineProcess.start(machineOf(folder, node, boot), folder.path)),
  );
  const timer = setTimeout(
    () => processes.forEach((process) => process.kill()),
    folder.plan.limitSeconds * 1000,
  );
  const followers = nodes.map((node) =>
    new Follower(join(folder.ofNode(node), "results.jsonl"), (line) => {
      if (!firstLines.has(node)) firstLines.set(node, (performance.now() - began) / 1000);
      onLine(node, line);
    })
  );
  const endings = Promise.all(
    processes.map(({ ended }, index) => endOf(folder, nodes[index], ended)),
  );
  await followUntil(followers, endings);
  clearTimeout(timer);
  const ended = await endings;
  return await Promise.all(
    nodes.map((node, index) => nodeRun(folder, node, ended[index], firstLines.get(node))),
  );
}

/** A node that has not come to its end will not come to where others wait for it. */
async function endOf(folder: RunFolder, node: number, ended: Promise<Ending>): Promise<Ending> {
  const ending = await ended;
  if (!await exists(join(folder.ofNode(node), "ended"))) await folder.markFailed();
  return ending;
}

async function nodeRun(
  folder: RunFolder,
  node: number,
  ending: Ending,
  firstLineSeconds: number | undefined,
): Promise<NodeRun> {
  const text = async (path: string): Promise<string> =>
    await exists(path) ? await Deno.readTextFile(path) : "";
  const results = parseResults(await text(join(folder.ofNode(node), "results.jsonl")));
  const console = await text(folder.console(node));
  return {
    ...results,
    node,
    console,
    kernelLog: kernelLog(await text(join(folder.ofNode(node), "kmsg"))),
    firstLineSeconds,
    faults: faultsOf(results, ending, console),
  };
}
