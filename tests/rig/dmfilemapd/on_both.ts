/** Tests of scenarios on both file systems. */
import type { RunOptions, ScenarioRun } from "../../../tasks/rig/run.ts";
import { scenarioTest } from "../helpers/scenario_test.ts";

/** Registers a test for ext4 and one for XFS; the scenario is told by FS. */
export async function onBoth(
  name: string,
  scenario: string,
  options: RunOptions = {},
  after: (run: ScenarioRun) => void | Promise<void> = () => {},
): Promise<void> {
  for (const type of ["ext4", "xfs"]) {
    const env = { ...options.env, FS: type };
    await scenarioTest(`${name}, on ${type}`, scenario, { ...options, env }, after);
  }
}
