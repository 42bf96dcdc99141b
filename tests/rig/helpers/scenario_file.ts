/** Scenarios that a test writes for itself. */
import { join } from "@std/path";
import { type RunOptions, runScenario, type ScenarioRun } from "../../../tasks/rig/run.ts";

/** Writes a scenario in shell to a folder of its own, and removes it after `body`. */
export async function withScenario<T>(
  text: string,
  body: (path: string, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-scenario-" });
  try {
    await Deno.writeTextFile(join(folder, "scenario.sh"), text);
    return await body(join(folder, "scenario.sh"), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a scenario in shell, given by its text. */
export function runText(text: string, options: RunOptions = {}): Promise<ScenarioRun> {
  return withScenario(text, (path) => runScenario(path, options));
}

/** Processes with a text in their command line. */
export async function processesNaming(text: string): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    if (/^\d+$/.test(name) && (await commandLine(name)).includes(text)) found.push(Number(name));
  }
  return found;
}

async function commandLine(pid: string): Promise<string> {
  try {
    return await Deno.readTextFile(`/proc/${pid}/cmdline`);
  } catch {
    return ""; // it has ended
  }
}
