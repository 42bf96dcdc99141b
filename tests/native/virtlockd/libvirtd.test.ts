/**
 * virtlockd under a real libvirtd with real guests. With HOSTKEEP_ORIGINAL set every scenario runs
 * against the installed C daemon too, which shows that the scenario itself tells the truth.
 */
import type { Scenario } from "./libvirtd_check.ts";
import { LibvirtLab } from "./libvirtd_lab.ts";
import { leaseScenarios } from "./libvirtd_leases.ts";
import { lifeScenarios } from "./libvirtd_life.ts";
import { pauseScenarios } from "./libvirtd_pause.ts";
import { candidates, LIBVIRT_PROGRAMS, nativeTest, ours } from "./native_test.ts";

async function runScenario(scenario: Scenario, binary: string): Promise<void> {
  const plugin = scenario.lockdPlugin;
  const options = plugin === undefined ? { binary } : { binary, lockdPlugin: plugin };
  await using lab = await LibvirtLab.open(options);
  await scenario.run(lab);
}

const daemons = Deno.env.has("HOSTKEEP_ORIGINAL") ? candidates : [ours];

for (const { label, path } of daemons) {
  for (const scenario of [...lifeScenarios, ...pauseScenarios, ...leaseScenarios]) {
    const name = `virtlockd (${label}) ${scenario.title}`;
    nativeTest(name, [path, ...LIBVIRT_PROGRAMS], () => runScenario(scenario, path));
  }
}
