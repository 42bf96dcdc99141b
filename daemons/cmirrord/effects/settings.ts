/** What the daemon is told, and its log. */
import { accessPath, W_OK } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import {
  checkConfig,
  ConfigError,
  type ConfigProblem,
  loadConfig,
  readConfigText,
  readSettings,
} from "../../../src/host/config.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { type LogPriority, startLogging } from "../../../src/host/log.ts";
import { JOURNAL_SOCKET } from "../../../src/host/log_journal.ts";
import type { LogOutput } from "../../../src/host/log_types.ts";
import { VERSION } from "../../../src/host/version.ts";
import { manifest } from "../manifest.ts";
import { CONFIG_FILE } from "../places.ts";
import { settingProblem } from "../setting_values.ts";

/** The original's code for what has no other. */
export const EXIT_FAILURE = 1;
/** The lock file is taken, or the command line is wrong. */
export const EXIT_LOCKED = 2;
export const EXIT_SOCKET = 3;
export const EXIT_BIND = 4;
export const EXIT_GROUP = 5;

/** The file named by `--config`, which must exist, or the default one, which need not. */
export function configFileOf(line: CommandLine): { path: string; optional: boolean } {
  const given = line.options.get("config");
  return typeof given === "string"
    ? { path: given, optional: false }
    : { path: CONFIG_FILE, optional: true };
}

/** Every problem of a configuration's text. */
export function configProblems(text: string, path: string): ConfigProblem[] {
  const checks = new Map(manifest.configKeys.map(({ name }) => {
    const check = (value: number | string): string | undefined => settingProblem(name, value);
    return [name as string, check];
  }));
  return checkConfig(manifest.configKeys, text, path, checks);
}

export interface RunSettings {
  readonly level: LogPriority;
  /** Mirrors stand still without quorum. */
  readonly quorum: boolean;
}

/** Throws ExitError for a configuration that is wrong. */
export function settingsFrom(line: CommandLine): RunSettings {
  const { path, optional } = configFileOf(line);
  try {
    const table = loadConfig(path, optional);
    const settings = readSettings(manifest.configKeys, table, path);
    const problem = table.size === 0
      ? undefined
      : configProblems(readConfigText(path), path).find(({ severity }) => severity === "error");
    if (problem === undefined) {
      return { level: (settings.log_level ?? 2) as LogPriority, quorum: settings.quorum !== 0 };
    }
    throw new ConfigError("value", path, problem.line, `${problem.key}: ${problem.message}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ExitError(EXIT_FAILURE, error.message);
  }
}

/** Messages go to the terminal of a daemon that keeps it, else to the journal, else to the system log. */
function outputFor(level: LogPriority, isForeground: boolean): LogOutput {
  if (isForeground) return { level, destination: "stderr" };
  const hasJournal = accessPath(cString(JOURNAL_SOCKET), W_OK) === 0;
  return hasJournal
    ? { level, destination: "journald" }
    : { level, destination: "syslog", argument: manifest.name };
}

/** Begins logging. Throws ExitError when the output cannot be opened. */
export function openLog(level: LogPriority, isForeground: boolean): void {
  try {
    startLogging({
      identifier: manifest.name,
      level,
      filters: [],
      outputs: [outputFor(level, isForeground)],
      banner: () => [`Starting ${manifest.name}:`, ` Version: ${VERSION}`],
    });
  } catch (error) {
    throw new ExitError(EXIT_FAILURE, error instanceof Error ? error.message : String(error));
  }
}
