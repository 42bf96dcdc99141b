/**
 * `deno task rig SCENARIO [--nodes N] [--limit SECONDS] [--memory SIZE] [--cpus N] [--env NAME=VALUE] [--keep] [-- ARG…]`:
 * runs a scenario of tests/rig/ on a kernel of its own and shows its checks. `--list` shows the scenarios, `rig shell` is an
 * interactive guest. tasks/rig/scenario.ts says what a scenario may ask for.
 */
import { parseArgs } from "node:util";
import { buildAll } from "./build.ts";
import { obstacle, rigPackages } from "./rig/requirements.ts";
import { type RunOptions, runScenario } from "./rig/run.ts";
import {
  allScenarios,
  loadScenario,
  parseSize,
  scenarioName,
  wholeNumber,
} from "./rig/scenario.ts";
import { shell } from "./rig/shell.ts";
import { showLine, showRun } from "./rig/show.ts";
import { ensurePackages } from "./setup.ts";
import { runTask } from "./toolchain.ts";

const options = {
  list: { type: "boolean" },
  nodes: { type: "string" },
  limit: { type: "string" },
  memory: { type: "string" },
  cpus: { type: "string" },
  env: { type: "string", multiple: true },
  keep: { type: "boolean" },
} as const;

async function main(): Promise<number> {
  const { values, positionals: [name, ...args] } = parseArgs({
    args: Deno.args,
    options,
    allowPositionals: true,
  });
  if (values.list) return await list();
  if (name === undefined) throw new Error("name a scenario, or say --list or shell");
  await ensurePackages("the rig", rigPackages);
  const reason = await obstacle();
  if (reason !== undefined) throw new Error(reason);
  const wanted: RunOptions = {
    ...values.nodes !== undefined && { nodes: wholeNumber(values.nodes, 3) },
    ...values.limit !== undefined && { limitSeconds: wholeNumber(values.limit, 86_400) },
    ...values.memory !== undefined && { memoryMiB: parseSize(values.memory) / 2 ** 20 },
    ...values.cpus !== undefined && { cpus: wholeNumber(values.cpus, 64) },
    env: Object.fromEntries((values.env ?? []).map((one) => one.split(/=(.*)/).slice(0, 2))),
    keep: values.keep ?? false,
    args,
  };
  return name === "shell" ? await shell(wanted) : await runOne(name, wanted);
}

async function runOne(name: string, options: RunOptions): Promise<number> {
  const { plan } = await loadScenario(name);
  if (plan.daemons.length > 0) await buildAll(plan.daemons);
  await using run = await runScenario(name, { ...options, onLine: showLine });
  showRun(run);
  return run.ok ? 0 : 1;
}

async function list(): Promise<number> {
  for (const scenario of await allScenarios()) {
    console.log(`${scenarioName(scenario).padEnd(24)} ${scenario.summary}`);
  }
  return 0;
}

if (import.meta.main) await runTask("rig", main);
