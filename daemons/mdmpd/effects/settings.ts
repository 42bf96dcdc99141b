/** What the daemon is told: command line and configuration file. */
import { accessPath, W_OK } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { hostName } from "../../../ffi/process.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import {
  checkConfig,
  ConfigError,
  type ConfigProblem,
  loadConfig,
  readConfigText,
  readSettings,
  type Settings,
} from "../../../src/host/config.ts";
import { EX_CONFIG, EX_USAGE, ExitError } from "../../../src/host/exit.ts";
import { type LogPriority, startLogging } from "../../../src/host/log.ts";
import { JOURNAL_SOCKET } from "../../../src/host/log_journal.ts";
import type { LogOutput } from "../../../src/host/log_types.ts";
import { VERSION } from "../../../src/host/version.ts";
import { manifest } from "../manifest.ts";
import type { Places } from "../places.ts";
import {
  policyFrom,
  probeTimeoutMs,
  settingProblem,
  splitPersonalities,
} from "../setting_values.ts";
import type { CoreSettings } from "./core.ts";

export type ConfigSettings = Settings<typeof manifest.configKeys>;

export interface RunSettings extends CoreSettings {
  readonly pidFile: string;
  /** The event program's path; "" for none. */
  readonly program: string;
  readonly log: { readonly level: LogPriority; readonly outputs: readonly LogOutput[] };
}

/** The file named by `--config`, which must exist, or the default one, which need not. */
export function configFileOf(
  line: CommandLine,
  places: Places,
): { path: string; optional: boolean } {
  const given = line.options.get("config");
  return typeof given === "string"
    ? { path: given, optional: false }
    : { path: places.config, optional: true };
}

/** Every problem of a configuration's text. */
export function configProblems(text: string, path: string): ConfigProblem[] {
  const checks = new Map(manifest.configKeys.map(({ name }) => {
    const check = (value: number | string): string | undefined => settingProblem(name, value);
    return [name as string, check];
  }));
  return checkConfig(manifest.configKeys, text, path, checks);
}

/** The settings of the configuration file. Throws ExitError for the first that is wrong. */
function readConfig(line: CommandLine, places: Places): ConfigSettings {
  const { path, optional } = configFileOf(line, places);
  try {
    const table = loadConfig(path, optional);
    const settings = readSettings(manifest.configKeys, table, path);
    const problem = table.size === 0
      ? undefined
      : configProblems(readConfigText(path), path).find(({ severity }) => severity === "error");
    if (problem === undefined) return settings;
    throw new ConfigError("value", path, problem.line, `${problem.key}: ${problem.message}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ExitError(EX_CONFIG, error.message);
  }
}

/** An option that has a key of the same meaning. Throws ExitError. */
function optionValue(line: CommandLine, option: string, key: string): string | undefined {
  const value = line.options.get(option);
  if (typeof value !== "string") return undefined;
  const problem = settingProblem(key, value);
  if (problem === undefined) return value;
  throw new ExitError(EX_USAGE, `--${option}: ${problem}`);
}

/** Messages go to standard error of a daemon that keeps it, else to the journal, else to the system log. */
function outputsFor(level: LogPriority, isForeground: boolean): LogOutput[] {
  if (isForeground) return [{ level, destination: "stderr" }];
  const hasJournal = accessPath(cString(JOURNAL_SOCKET), W_OK) === 0;
  return hasJournal
    ? [{ level, destination: "journald" }]
    : [{ level, destination: "syslog", argument: manifest.name }];
}

/**
 * Everything together; the command line has the last word. `isForeground`: standard error is for messages, unless a service manager
 * that has a journal started us. Throws ExitError.
 */
export function settingsFrom(
  line: CommandLine,
  places: Places,
  isForeground: boolean,
): RunSettings {
  const config = readConfig(line, places);
  const interval = optionValue(line, "interval", "interval");
  const names = optionValue(line, "personality", "personality") ?? config.personality;
  const given = {
    ...config,
    ...(interval === undefined ? {} : { interval: Number(interval) }),
    ...(line.options.has("check-standby") ? { check_standby: 1 } : {}),
  };
  const pidFile = line.options.get("pid-file");
  const level = line.options.has("verbose") ? 1 : (config.log_level ?? 2) as LogPriority;
  return {
    policy: policyFrom(given, line.options.has("dry-run")),
    personalities: new Set(splitPersonalities(names ?? "multipath")),
    probeTimeoutMs: probeTimeoutMs(given),
    pidFile: typeof pidFile === "string" ? pidFile : places.pidFile,
    program: optionValue(line, "program", "program") ?? config.program ?? "",
    log: { level, outputs: outputsFor(level, isForeground) },
  };
}

/** Begins logging. Throws ExitError when an output cannot be opened. */
export function openLog({ level, outputs }: RunSettings["log"]): void {
  try {
    startLogging({
      identifier: manifest.name,
      level,
      filters: [],
      outputs,
      banner: () => [`hostkeep ${manifest.name} ${VERSION} on ${hostName()}`],
    });
  } catch (error) {
    throw new ExitError(EX_CONFIG, error instanceof Error ? error.message : String(error));
  }
}
