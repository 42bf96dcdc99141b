/** What the daemon is told beside its arguments: environment, then configuration file, then defaults. */
import type { ConfigKeySpec } from "../../../src/host/manifest.ts";
import {
  type ConfigFile,
  configFile,
  type ConfigRules,
  fileSettings,
} from "../../../src/host/config_file.ts";
import { ExitError } from "../../../src/host/exit.ts";
import type { LogPriority } from "../../../src/host/log.ts";
import {
  DEFAULT_CHECK_INTERVAL_S,
  DEFAULT_LOOK_AHEAD_MIB,
  DEFAULT_REGION_LIMIT,
  DEFAULT_SEAM_LIMIT,
  DEFAULT_UPDATE_INTERVAL_MS,
} from "../limits.ts";
import { manifest } from "../manifest.ts";
import { CONFIG_FILE } from "../places.ts";
import { settingProblem } from "../setting_checks.ts";

export const EXIT_FAILURE = 1;
const SECTORS_PER_MIB = 2048;

export interface RunSettings {
  readonly checkIntervalMs: number;
  readonly updateIntervalMs: number;
  readonly seamLimit: number;
  readonly regionLimit: number;
  readonly lookAheadSectors: number;
  readonly logLevel: LogPriority;
}

/** What its configuration file may say. */
export const CONFIG = {
  keys: manifest.configKeys,
  problemOf: settingProblem,
} satisfies ConfigRules;

/** The file named by the environment, which must exist, or the default one, which need not. */
export function configFileOf(environment: ReadonlyMap<string, string>): ConfigFile {
  return configFile(environment.get("DMFILEMAPD_CONF") || undefined, CONFIG_FILE);
}

/** `DMFILEMAPD_LOOK_AHEAD` for `look_ahead`. */
function variableOf({ name }: ConfigKeySpec): string {
  return `DMFILEMAPD_${name.toUpperCase()}`;
}

/** Throws ExitError. */
function fromEnvironment(
  environment: ReadonlyMap<string, string>,
): Readonly<Record<string, number>> {
  const values: Record<string, number> = {};
  for (const key of manifest.configKeys) {
    const text = environment.get(variableOf(key));
    if (text === undefined || text === "") continue;
    const problem = /^\d{1,9}$/.test(text)
      ? settingProblem(key.name, Number(text))
      : "expected an unsigned integer";
    if (problem !== undefined) {
      throw new ExitError(EXIT_FAILURE, `${variableOf(key)}="${text}": ${problem}`);
    }
    values[key.name] = Number(text);
  }
  return values;
}

/** Everything together. Throws ExitError. */
export function readRunSettings(environment: ReadonlyMap<string, string>): RunSettings {
  const set: Readonly<Record<string, number | undefined>> = {
    ...fileSettings(CONFIG, configFileOf(environment), EXIT_FAILURE),
    ...fromEnvironment(environment),
  };
  return {
    checkIntervalMs: (set.check_interval ?? DEFAULT_CHECK_INTERVAL_S) * 1000,
    updateIntervalMs: set.update_interval ?? DEFAULT_UPDATE_INTERVAL_MS,
    seamLimit: set.seam_limit ?? DEFAULT_SEAM_LIMIT,
    regionLimit: set.region_limit ?? DEFAULT_REGION_LIMIT,
    lookAheadSectors: (set.look_ahead ?? DEFAULT_LOOK_AHEAD_MIB) * SECTORS_PER_MIB,
    logLevel: (set.log_level ?? 3) as LogPriority,
  };
}
