import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { configProblems } from "../../../daemons/cmirrord/effects/settings.ts";
import { manifest } from "../../../daemons/cmirrord/manifest.ts";
import * as places from "../../../daemons/cmirrord/places.ts";
import { settingProblem } from "../../../daemons/cmirrord/setting_values.ts";
import { root } from "../../../tasks/toolchain.ts";

Deno.test("the manifest's files are where the daemon has them", () => {
  const files = manifest.files.map(({ path }): string => path);
  const { RUN_DIRECTORY, ...named } = places;
  assertEquals(files.sort(), Object.values<string>(named).sort());
  assertEquals(named.CONTROL_SOCKET.startsWith(`${RUN_DIRECTORY}/`), true);
});

Deno.test("the manifest gives every exit code, option and configuration key once", () => {
  for (
    const list of [
      manifest.exitCodes.map(({ code }) => code),
      manifest.options.map(({ long }) => long),
      manifest.configKeys.map(({ name }) => name),
    ]
  ) assertEquals(new Set<unknown>(list).size, list.length);
});

Deno.test("the sample configuration is right, as it is and with every comment mark removed", async () => {
  const sample = await Deno.readTextFile(join(root, "daemons/cmirrord/cmirrord.conf"));
  assertEquals(configProblems(sample, "cmirrord.conf"), []);
  const active = sample.replaceAll(/^#(?=\w+ = )/gm, "");
  assertEquals(configProblems(active, "cmirrord.conf"), []);
  const keys = [...active.matchAll(/^(\w+) = /gm)].map(([, key]) => key);
  assertEquals(keys.sort(), manifest.configKeys.map(({ name }): string => name).sort());
});

Deno.test("settingProblem knows what each setting may be", () => {
  assertEquals([1, 4].map((value) => settingProblem("log_level", value)), [undefined, undefined]);
  assertEquals([0, 5].every((value) => settingProblem("log_level", value) !== undefined), true);
});
