import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { settingsFrom } from "../../../daemons/cmannotifyd/effects/settings.ts";
import { manifest } from "../../../daemons/cmannotifyd/manifest.ts";
import { CONTROL_SOCKET, PID_FILE } from "../../../daemons/cmannotifyd/places.ts";
import { parseCommandLine } from "../../../src/host/cli.ts";

/** Which pid file, control socket and runner's socket a command line means. */
function places(...args: string[]): string[] {
  const line = parseCommandLine(manifest, ["--config=/dev/null", ...args]);
  const program = { calledAs: "cmannotifyd", path: "/", args, environment: new Map() };
  const { pidFile, controlSocket, runnerSocket } = settingsFrom(line, program);
  return [pidFile, controlSocket, runnerSocket];
}

Deno.test("settingsFrom takes a relative place for one below the directory that the daemon is started in", () => {
  const here = Deno.cwd();
  assertEquals(
    places("--pid-file=pid", "--control-socket=./x/control", "--runner-socket=runner"),
    [`${here}/pid`, `${here}/./x/control`, `${here}/runner`],
  );
});

Deno.test("settingsFrom leaves alone what is absolute, empty or not given", () => {
  assertEquals(places("--pid-file=", "--runner-socket=/r"), ["", CONTROL_SOCKET, "/r"]);
  assertEquals(places(), [PID_FILE, CONTROL_SOCKET, ""]);
});
