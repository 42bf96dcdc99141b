import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { EVENTS } from "../../../daemons/mdmpd/events.ts";
import { manifest } from "../../../daemons/mdmpd/manifest.ts";
import { type Places, placesFor } from "../../../daemons/mdmpd/places.ts";
import {
  HOLD_FOR_EVER,
  policyFrom,
  probeTimeoutMs,
  settingProblem,
} from "../../../daemons/mdmpd/setting_values.ts";
import { parseMessage } from "../../../daemons/mdmpd/tester_protocol.ts";
import type { FileSpec } from "../../../src/host/manifest.ts";
import { root } from "../../../tasks/toolchain.ts";

const folder = join(root, "daemons/mdmpd");

function documented({ config, controlSocket, pidFile, stateFile }: Places): string[] {
  return ["/proc/mdstat", config, controlSocket, pidFile, stateFile].sort();
}

Deno.test("the manifest's files are where the daemon has them", () => {
  const variables = ["XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"];
  const environment = new Map(variables.map((name) => [name, `$${name}`]));
  const files: readonly FileSpec[] = manifest.files;
  assertEquals(files.map(({ path }) => path).sort(), documented(placesFor(true, new Map())));
  const session = files.map((file) => file.session ?? file.path).sort();
  assertEquals(session, documented(placesFor(false, environment)));
});

Deno.test("the man page explains every event", async () => {
  const page = await Deno.readTextFile(join(folder, "mdmpd.8"));
  const words = new Set(page.split(/[\s,]+/));
  assertEquals(EVENTS.filter(({ name }) => !words.has(name)), []);
});

Deno.test("settingProblem knows what each setting may be", () => {
  const bad: [string, number | string][] = [
    ["interval", 0],
    ["interval", 3_601],
    ["interval", "soon"],
    ["interval", "1.5"],
    ["probe_timeout", 0],
    ["check_standby", 2],
    ["personality", "multipath,raid7"],
    ["program", "relative"],
    ["log_level", 5],
  ];
  const good: [string, number | string][] = [
    ["interval", 1],
    ["interval", "3600"],
    ["personality", "raid1, raid10"],
    ["program", "/bin/true"],
    ["program", ""],
    ["operator_hold", 0],
  ];
  assertEquals(bad.filter(([key, value]) => settingProblem(key, value) === undefined), []);
  assertEquals(good.filter(([key, value]) => settingProblem(key, value) !== undefined), []);
});

Deno.test("policyFrom has the defaults that the page promises, and its own units", () => {
  assertEquals(policyFrom({}, false), {
    intervalMs: 15_000,
    operatorHoldMs: 600_000,
    standbyIntervalMs: 0,
    dryRun: false,
  });
  const given = { interval: 2, operator_hold: HOLD_FOR_EVER, check_standby: 1 };
  assertEquals(policyFrom(given, true), {
    intervalMs: 2_000,
    operatorHoldMs: Infinity,
    standbyIntervalMs: 60_000,
    dryRun: true,
  });
  assertEquals([probeTimeoutMs({}), probeTimeoutMs({ probe_timeout: 3 })], [10_000, 3_000]);
});

Deno.test("parseMessage takes what a tester says and nothing else", () => {
  const good = ['{"at":0}', '{"done":true}', '{"id":3,"type":"dead","reason":"x"}'];
  const bad = [
    "",
    "null",
    "3",
    "{}",
    '{"id":3}',
    '{"id":3,"type":"odd"}',
    '{"id":"3","type":"dead"}',
    "{",
  ];
  assertEquals(good.map((line) => JSON.stringify(parseMessage(line))), good);
  assertEquals(bad.map(parseMessage), bad.map(() => undefined));
});
