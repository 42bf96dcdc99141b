/**
 * virtlockd under a real libvirtd with real guests. Every scenario runs against the installed C
 * daemon too, which shows that the scenario itself tells the truth.
 */
import { C_DAEMON, ownDaemon } from "./lab_daemon.ts";
import type { Scenario } from "./libvirtd_check.ts";
import { LibvirtLab, obstacle } from "./libvirtd_lab.ts";
import { leaseScenarios } from "./libvirtd_leases.ts";
import { lifeScenarios } from "./libvirtd_life.ts";
import { pauseScenarios } from "./libvirtd_pause.ts";

async function runScenario(scenario: Scenario, binary: string): Promise<void> {
  const plugin = scenario.lockdPlugin;
  const options = plugin === undefined ? { binary } : { binary, lockdPlugin: plugin };
  await using lab = await LibvirtLab.open(options);
  await scenario.run(lab);
}

for (const [label, binary] of [["C", C_DAEMON], ["hostkeep", ownDaemon()]]) {
  const reason = await obstacle(binary);
  for (const scenario of [...lifeScenarios, ...pauseScenarios, ...leaseScenarios]) {
    const name = `virtlockd (${label}) ${scenario.title}`;
    if (reason) console.log(`SKIPPED ${name}: ${reason}`);
    Deno.test({ name, ignore: reason !== undefined, fn: () => runScenario(scenario, binary) });
  }
}
