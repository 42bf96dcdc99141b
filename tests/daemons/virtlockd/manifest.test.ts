import { assertEquals } from "@std/assert";
import {
  DEFAULT_ADMIN_MAX_CLIENTS,
  DEFAULT_MAX_CLIENTS,
} from "../../../daemons/virtlockd/limits.ts";
import { manifest } from "../../../daemons/virtlockd/manifest.ts";
import { type Places, placesFor } from "../../../daemons/virtlockd/places.ts";
import type { FileSpec } from "../../../src/host/manifest.ts";

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
