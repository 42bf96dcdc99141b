import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { type RunSettings, settingsFrom } from "../../../daemons/cmannotifyd/effects/settings.ts";
import { manifest } from "../../../daemons/cmannotifyd/manifest.ts";
import { CONTROL_SOCKET, PID_FILE } from "../../../daemons/cmannotifyd/places.ts";
import { parseCommandLine } from "../../../src/host/cli.ts";

/** What the daemon goes by, without a configuration. */
function settingsOf(args: string[], environment = new Map<string, string>()): RunSettings {
  const line = parseCommandLine(manifest, ["--config=/dev/null", ...args]);
  return settingsFrom(line, { calledAs: "cmannotifyd", path: "/", args, environment });
}

/** Which pid file, control socket and runner's socket a command line means. */
function places(...args: string[]): string[] {
  const { pidFile, controlSocket, runnerSocket } = settingsOf(args);
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

Deno.test("-f logs to standard error, unless that leads to the journal itself; the variable alone does not say so", () => {
  const { dev, ino } = Deno.statSync("/proc/self/fd/2");
  const outputs = (stream?: string): boolean[] => {
    const environment = stream === undefined ? [] : [["JOURNAL_STREAM", stream] as const];
    const { toStderr, toJournal } = settingsOf(["-f"], new Map(environment));
    return [toStderr, toJournal];
  };
  assertEquals(outputs(), [true, false]);
  assertEquals(outputs(`${dev}:${ino}`), [false, true]);
  assertEquals(outputs(`${dev}:${Number(ino) + 1}`), [true, false]);
  assertEquals(outputs(""), [true, false]);
});
