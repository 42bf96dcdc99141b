import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  DEFAULT_ADMIN_MAX_CLIENTS,
  DEFAULT_MAX_CLIENTS,
} from "../../../daemons/virtlockd/limits.ts";
import { logSettingProblem } from "../../../daemons/virtlockd/log_settings.ts";
import { manifest } from "../../../daemons/virtlockd/manifest.ts";
import { type Places, placesFor } from "../../../daemons/virtlockd/places.ts";
import { checkConfig } from "../../../src/host/config.ts";
import type { FileSpec } from "../../../src/host/manifest.ts";
import { root } from "../../../tasks/toolchain.ts";

function documented({ socket, adminSocket, controlSocket, ...rest }: Places): string[] {
  const { pidFile, stateFile, config, logFile } = rest;
  return [config, socket, adminSocket, controlSocket, pidFile, stateFile, logFile].sort();
}

Deno.test("the manifest's files are where the daemon has them", () => {
  const variables = ["XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "XDG_CACHE_HOME"];
  const environment = new Map(variables.map((name) => [name, `$${name}`]));
  const files: readonly FileSpec[] = manifest.files;
  assertEquals(files.map(({ path }) => path).sort(), documented(placesFor(true, new Map())));
  const session = files.map((file) => file.session ?? file.path).sort();
  assertEquals(session, documented(placesFor(false, environment)));
});

Deno.test("the manifest's sockets are those that the daemon serves", () => {
  const { socket, adminSocket } = placesFor(true, new Map());
  assertEquals(manifest.sockets.map(({ path }): string => path), [socket, adminSocket]);
});

Deno.test("the manifest's defaults are the daemon's", () => {
  const defaults = new Map<string, string>(
    manifest.configKeys.map((key) => [key.name, key.default]),
  );
  assertEquals(defaults.get("max_clients"), `${DEFAULT_MAX_CLIENTS}`);
  assertEquals(defaults.get("admin_max_clients"), `${DEFAULT_ADMIN_MAX_CLIENTS}`);
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

const sample = await Deno.readTextFile(join(root, "daemons/virtlockd/virtlockd.conf"));

function problems(text: string): unknown[] {
  const check = (key: string) => (value: number | string): string | undefined =>
    logSettingProblem(key, value);
  const checks = new Map(manifest.configKeys.map(({ name }) => [name, check(name)]));
  return checkConfig(manifest.configKeys, text, "virtlockd.conf", checks);
}

Deno.test("the sample configuration is right, as it is and with every comment mark removed", () => {
  assertEquals(problems(sample), []);
  const active = sample.replaceAll(/^#(?=\w+ = )/gm, "");
  assertEquals(problems(active), []);
  assertEquals(
    [...active.matchAll(/^(\w+) = /gm)].map(([, key]) => key),
    manifest.configKeys.map(({ name }): string => name),
  );
});

Deno.test("the sample configuration shows the numeric defaults", () => {
  for (const key of manifest.configKeys.filter(({ type }) => type === "uint")) {
    assertEquals(sample.includes(`\n#${key.name} = ${key.default}\n`), true, key.name);
  }
});
