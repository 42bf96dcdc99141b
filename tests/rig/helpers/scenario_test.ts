/** Deno tests made of rig scenarios. */
import { obtainBoot } from "../../../tasks/rig/boot.ts";
import { missingPrograms, obstacle } from "../../../tasks/rig/requirements.ts";
import { type RunOptions, runScenario, type ScenarioRun } from "../../../tasks/rig/run.ts";
import { loadScenario } from "../../../tasks/rig/scenario.ts";

/**
 * Registers a test that runs a scenario of tests/rig and fails with any of its checks, or when it does not come to its end.
 * Each check is a step. `after` sees the run before its folder is removed: disks, and what the nodes handed back.
 *
 * Where no guest can be started, or a program is missing that the scenario needs, the test is skipped and says so.
 */
export async function scenarioTest(
  name: string,
  scenario: string,
  options: RunOptions = {},
  after: (run: ScenarioRun) => void | Promise<void> = () => {},
): Promise<void> {
  skippableTest(name, await reasonToSkip(scenario), async (test) => {
    await using run = await runScenario(scenario, options);
    for (const { name, ok, detail } of run.checks) {
      await test.step(name, () => assertThat(ok, detail));
    }
    assertThat(run.faults.length === 0, `${run.faults.join("\n")}\n${consoles(run)}`);
    await after(run);
  });
}

/** Registers a test that starts guests by itself; skipped where none can be started. */
export async function rigTest(name: string, body: () => Promise<void>): Promise<void> {
  skippableTest(name, await reasonForNoGuest(), body);
}

/** Registers a test that cannot run here, and says why. */
export function skipped(name: string, reason: string): void {
  skippableTest(name, reason, () => {});
}

function skippableTest(
  name: string,
  reason: string | undefined,
  fn: (test: Deno.TestContext) => void | Promise<void>,
): void {
  if (reason !== undefined) console.log(`SKIPPED ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn });
}

async function reasonToSkip(scenario: string): Promise<string | undefined> {
  const { plan } = await loadScenario(scenario);
  const missing = await missingPrograms(plan.needs);
  if (missing.length > 0) return `${missing.join(", ")} not installed`;
  return await reasonForNoGuest();
}

async function reasonForNoGuest(): Promise<string | undefined> {
  const reason = await obstacle();
  if (reason !== undefined) return reason;
  try {
    await obtainBoot();
    return undefined;
  } catch (error) {
    return `no kernel to boot: ${error instanceof Error ? error.message : error}`;
  }
}

function assertThat(ok: boolean, otherwise: string): void {
  if (!ok) throw new Error(otherwise);
}

function consoles(run: ScenarioRun): string {
  return run.nodes.map(({ node, console }) => `--- console of node${node}\n${console}`).join("\n");
}
