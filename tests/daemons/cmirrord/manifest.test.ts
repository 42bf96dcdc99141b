import { assertEquals } from "@std/assert";
import { manifest } from "../../../daemons/cmirrord/manifest.ts";
import * as places from "../../../daemons/cmirrord/places.ts";
import { settingProblem } from "../../../daemons/cmirrord/setting_checks.ts";

Deno.test("the manifest's files are where the daemon has them", () => {
  const files = manifest.files.map(({ path }): string => path);
  const { RUN_DIRECTORY, ...named } = places;
  assertEquals(files.sort(), Object.values<string>(named).sort());
  assertEquals(named.CONTROL_SOCKET.startsWith(`${RUN_DIRECTORY}/`), true);
});

Deno.test("settingProblem knows what each setting may be", () => {
  assertEquals([1, 4].map((value) => settingProblem("log_level", value)), [undefined, undefined]);
  assertEquals([0, 5].every((value) => settingProblem("log_level", value) !== undefined), true);
});
