import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { manifest } from "../../../daemons/cmannotifyd/manifest.ts";
import * as places from "../../../daemons/cmannotifyd/places.ts";
import { settingProblem, valuesFrom } from "../../../daemons/cmannotifyd/setting_values.ts";
import { root, run } from "../../../tasks/toolchain.ts";

const folder = join(root, "daemons/cmannotifyd");

Deno.test("the manifest's files are where the daemon has them", () => {
  const { SUBSTITUTES: [substitute], RUNNER_SOCKET: socket, ...files } = places;
  assertEquals(
    manifest.files.map(({ path }): string => path).sort(),
    [...Object.values(files).filter((place) => typeof place === "string"), substitute].sort(),
  );
  assertEquals(manifest.unit.helper.path, socket);
});

Deno.test("the original's options are short, and all others new", () => {
  const options: readonly { short?: string; extension?: boolean }[] = manifest.options;
  assertEquals(options.flatMap(({ short }) => short ?? []), ["f", "d", "r", "h", "V"]);
  assertEquals(options.filter(({ short, extension }) => (short !== undefined) === extension), []);
});

Deno.test("the sample configuration shows the paths that are the defaults", async () => {
  const sample = await Deno.readTextFile(join(folder, "cmannotifyd.conf"));
  for (
    const { name, default: value } of manifest.configKeys.filter((key) => key.type === "string")
  ) {
    assertEquals(sample.includes(`\n#${name} = "${value}"\n`), true, name);
  }
});

Deno.test("valuesFrom gives without a configuration what the manifest calls the defaults", () => {
  const defaults = Object.fromEntries(
    manifest.configKeys.map(({ name, type, default: value }) => [
      name,
      type === "uint" ? Number(value) : value,
    ]),
  );
  assertEquals(valuesFrom({}, false), valuesFrom(defaults, false));
});

Deno.test("settingProblem knows what each setting may be", () => {
  const bad: [string, number | string][] = [
    ["debug", 2],
    ["logfile", "relative"],
    ["script_directory", ""],
    ["script_timeout", 86_401],
    ["queue_limit", 0],
    ["queue_limit", 65_537],
  ];
  const good: [string, number | string][] = [
    ["debug", 1],
    ["logfile", "/x"],
    ["script_timeout", 0],
    ["start_attempts", 6],
    ["queue_limit", 1],
  ];
  assertEquals(bad.filter(([key, value]) => settingProblem(key, value) === undefined), []);
  assertEquals(good.filter(([key, value]) => settingProblem(key, value) !== undefined), []);
});

Deno.test("the man page shows the template that is installed, and it is a script", async () => {
  const path = join(folder, "cman_notify_template.sh");
  const template = await Deno.readTextFile(path);
  const page = await Deno.readTextFile(join(folder, "cmannotifyd.8"));
  const shown = /^\.Ss A template\n\.Bd -literal\n([^]*?)^\.Ed$/m.exec(page)?.[1];
  assertEquals(shown?.replaceAll("\\e", "\\").replaceAll(/^\\&/gm, ""), template);
  const environment = {
    CMAN_NOTIFICATION: "CMAN_REASON_STATECHANGE",
    CMAN_NOTIFICATION_DEBUG: "1",
  };
  const { code, output } = await run(path, [], { env: environment });
  assertEquals(code, 0);
  assertMatch(output, /^\S+: CMAN_REASON_STATECHANGE\n$/);
});
