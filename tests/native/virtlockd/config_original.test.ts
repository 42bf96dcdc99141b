/** The configuration grammar against the installed C daemon: what one accepts or says, the other does. */
import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { logSettingProblem } from "../../../daemons/virtlockd/log_settings.ts";
import { ConfigError, loadConfig, readSettings } from "../../../src/host/config.ts";
import type { ConfigKeySpec } from "../../../src/host/manifest.ts";
import { configCases, randomConfigs } from "./config_corpus.ts";
import { Lab, WORK_DIRECTORY } from "./lab.ts";
import { C_DAEMON } from "./lab_daemon.ts";
import { nativeTest } from "./native_test.ts";

const keys = ([
  ["log_level", "uint"],
  ["log_filters", "string"],
  ["log_outputs", "string"],
  ["max_clients", "uint"],
  ["admin_max_clients", "uint"],
] as const).map(([name, type]): ConfigKeySpec => ({ name, type, default: "", help: "" }));

const FILE = `${WORK_DIRECTORY}/c.conf`;
const ACCEPTED = "accepted";

/**
 * What the C daemon says. The pid file cannot be made, so that a daemon whose configuration is fine ends there, with
 * no socket bound.
 */
async function originalOutcome(lab: Lab): Promise<string> {
  const command = lab.command(C_DAEMON, { args: ["-f", FILE, "-p", "/nowhere/pid"] });
  const { code, stderr } = await command.output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 1, text);
  const said = /^libvirt: {2}error : invalid argument: ([^]*)\n$/.exec(text)?.[1] ??
    /Can't load config file: (?:internal error|configuration file syntax error): ([^]*): .*\n$/
      .exec(text)?.[1];
  if (said !== undefined) return said;
  if (text.includes("/nowhere/pid")) return ACCEPTED;
  throw new Error(`not understood: ${text}`);
}

function ourOutcome(path: string): string {
  try {
    const settings = readSettings(keys, loadConfig(path, false), path);
    for (const key of ["log_level", "log_filters", "log_outputs"]) {
      const value = settings[key];
      const problem = value === undefined ? undefined : logSettingProblem(key, value);
      if (problem !== undefined) return problem;
    }
    return ACCEPTED;
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(path, FILE);
    throw error;
  }
}

async function compare(lab: Lab, text: string): Promise<void> {
  await lab.write(FILE, text);
  assertEquals(ourOutcome(lab.outside(FILE)), await originalOutcome(lab), JSON.stringify(text));
}

const SEED = 20_240_301;
const RANDOM_FILES = 200;

async function compareRandom(lab: Lab): Promise<void> {
  for (const text of randomConfigs(SEED, RANDOM_FILES)) await compare(lab, text);
}

nativeTest(
  "loadConfig and readSettings say what the C daemon says",
  [C_DAEMON],
  async (t) => {
    await using lab = await Lab.open();
    for (const { name, text } of configCases) await t.step(name, () => compare(lab, text));
    await t.step(`${RANDOM_FILES} random files, seed ${SEED}`, () => compareRandom(lab));
  },
);
