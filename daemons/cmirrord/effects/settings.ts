/** What the daemon is told, and its log. */
import { accessPath, W_OK } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import {
  type ConfigFile,
  configFile,
  type ConfigRules,
  fileSettings,
} from "../../../src/host/config_file.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { type LogPriority, startLogging } from "../../../src/host/log.ts";
import { JOURNAL_SOCKET } from "../../../src/host/log_journal.ts";
import type { LogOutput } from "../../../src/host/log_types.ts";
import { VERSION } from "../../../src/host/version.ts";
import { manifest } from "../manifest.ts";
import { CONFIG_FILE } from "../places.ts";
import { settingProblem } from "../setting_checks.ts";

/** The original's code for what has no other. */
export const EXIT_FAILURE = 1;
/** The lock file is taken, or the command line is wrong. */
export const EXIT_LOCKED = 2;
export const EXIT_SOCKET = 3;
export const EXIT_BIND = 4;
export const EXIT_GROUP = 5;

/** What its configuration file may say. */
export const CONFIG = {
  keys: manifest.configKeys,
  problemOf: settingProblem,
} satisfies ConfigRules;

export function configFileOf(line: CommandLine): ConfigFile {
  return configFile(line.options.get("config"), CONFIG_FILE);
}

export interface RunSettings {
  readonly level: LogPriority;
  /** Mirrors stand still without quorum. */
  readonly quorum: boolean;
}

/** Throws ExitError for a configuration that is wrong. */
export function settingsFrom(line: CommandLine): RunSettings {
  const { log_level = 2, quorum } = fileSettings(CONFIG, configFileOf(line), EXIT_FAILURE);
  return { level: log_level as LogPriority, quorum: quorum !== 0 };
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
