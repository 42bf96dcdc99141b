/** What holds of every manifest, and of the sample configuration beside it. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { settingProblem as ofCmannotifyd } from "../../daemons/cmannotifyd/setting_values.ts";
import { settingProblem as ofCmirrord } from "../../daemons/cmirrord/setting_checks.ts";
import { settingProblem as ofDmfilemapd } from "../../daemons/dmfilemapd/setting_checks.ts";
import { settingProblem as ofMdmpd } from "../../daemons/mdmpd/setting_values.ts";
import { logSettingProblem as ofVirtlockd } from "../../daemons/virtlockd/log_settings.ts";
import { configProblems, type ConfigRules } from "../../src/host/config_file.ts";
import { daemonNames, loadManifest } from "../../tasks/daemons.ts";
import { root } from "../../tasks/toolchain.ts";

const PROBLEMS: Readonly<Record<string, Pick<ConfigRules, "problemOf">>> = {
  cmannotifyd: { problemOf: ofCmannotifyd },
  cmirrord: { problemOf: ofCmirrord },
  dmfilemapd: { problemOf: ofDmfilemapd },
  mdmpd: { problemOf: ofMdmpd },
  virtlockd: { problemOf: ofVirtlockd },
};

for (const daemon of await daemonNames()) {
  const { configKeys, exitCodes, options } = await loadManifest(daemon);
  const sample = await Deno.readTextFile(join(root, "daemons", daemon, `${daemon}.conf`));

  Deno.test(`the manifest of ${daemon} gives every exit code, option and configuration key once`, () => {
    for (
      const list of [
        exitCodes.map(({ code }) => code),
        options.map(({ long }) => long),
        configKeys.map(({ name }) => name),
      ]
    ) assertEquals(new Set<unknown>(list).size, list.length);
  });

  Deno.test(`the sample configuration of ${daemon} is right, as it is and with every comment mark removed`, () => {
    const rules = { keys: configKeys, ...PROBLEMS[daemon] };
    assertEquals(configProblems(rules, sample, `${daemon}.conf`), []);
    const active = sample.replaceAll(/^#(?=\w+ = )/gm, "");
    assertEquals(configProblems(rules, active, `${daemon}.conf`), []);
    const keys = [...active.matchAll(/^(\w+) = /gm)].map(([, key]) => key);
    assertEquals(keys, configKeys.map(({ name }) => name));
  });

  Deno.test(`the sample configuration of ${daemon} shows the numeric defaults`, () => {
    for (const { name, default: value } of configKeys.filter(({ type }) => type === "uint")) {
      assertEquals(sample.includes(`\n#${name} = ${value}\n`), true, name);
    }
  });
}
