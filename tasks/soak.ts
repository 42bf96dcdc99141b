/**
 * `deno task soak [NAME…] [--minutes N]`: daemons under load and faults, side by side, 120 minutes unless told otherwise; those that need
 * devices in machines of the rig. Prints how memory and descriptors went, and ends with 1 where something was lost or leaks. Root only.
 */
import { parseArgs } from "node:util";
import { privateObstacle } from "../tests/native/private_daemon.ts";
import { judge, shown } from "../tests/fault/soak/judge.ts";
import { soak } from "../tests/fault/soak/soak.ts";
import type { Subject } from "../tests/fault/soak/subject.ts";
import { subjects } from "../tests/fault/soak/subjects.ts";
import { buildAll } from "./build.ts";
import { runScenario } from "./rig/run.ts";
import { runTask } from "./toolchain.ts";

/** The scenario in which a daemon is soaked that needs devices. The first one takes minutes at least, and is no test. */
const SCENARIOS: Readonly<Record<string, string>> = {
  mdmpd: "tests/rig/soak/devices",
  cmirrord: "tests/rig/soak/devices",
  dmfilemapd: "dmfilemapd_soak",
};
/** What a machine may take beyond the time that it is to run for. */
const PATIENCE_S = 1_800;

/** Whether all is well. */
async function soakOne(subject: Subject, minutes: number): Promise<boolean> {
  try {
    const outcome = await soak(subject, minutes);
    const faults = judge(outcome);
    console.log(shown(outcome));
    for (const fault of faults) console.log(`${subject.name} ${fault}`);
    return faults.length === 0;
  } catch (error) {
    console.log(error);
    return false;
  }
}

/** Whether all is well. */
async function soakInRig(scenario: string, minutes: number): Promise<boolean> {
  try {
    const limitSeconds = Math.ceil(minutes * 60) + PATIENCE_S;
    const env = { MINUTES: String(minutes) };
    await using run = await runScenario(scenario, { env, limitSeconds });
    for (const note of run.nodes.flatMap(({ notes }) => notes)) console.log(note);
    for (const { figure, value, unit } of run.nodes.flatMap(({ figures }) => figures)) {
      console.log(`${figure}: ${value.toFixed(1)} ${unit}`);
    }
    for (const { name, ok, detail } of run.checks) if (!ok) console.log(`${name}: ${detail}`);
    for (const fault of run.faults) console.log(fault);
    return run.ok;
  } catch (error) {
    console.log(error);
    return false;
  }
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { minutes: { type: "string", default: "120" } },
    allowPositionals: true,
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes "${values.minutes}" is no time`);
  const obstacle = await privateObstacle();
  if (obstacle !== undefined) throw new Error(obstacle);
  const here = await subjects();
  const names = [...new Set([...here.map(({ name }) => name), ...Object.keys(SCENARIOS)])];
  const unknown = positionals.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`cannot be soaked here: ${unknown.join(", ")}`);
  const chosen = positionals.length === 0 ? names : positionals;
  const scenarios = chosen.flatMap((name) => SCENARIOS[name] ?? []);
  if (scenarios.length > 0) await buildAll(chosen);
  console.log(`${chosen.join(", ")}: ${minutes} minutes`);
  const results = await Promise.all([
    ...here.filter(({ name }) => chosen.includes(name) && SCENARIOS[name] === undefined)
      .map((one) => soakOne(one, minutes)),
    ...[...new Set(scenarios)].map((scenario) => soakInRig(scenario, minutes)),
  ]);
  return results.every((good) => good) ? 0 : 1;
}

if (import.meta.main) await runTask("soak", main);
