/** What the daemon is told: command line, environment and configuration file; and its log. */
import { Errno } from "../../../ffi/errno.ts";
import { makeDirectories } from "../../../ffi/file.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import {
  type ConfigFile,
  configFile,
  type ConfigRules,
  fileSettings,
} from "../../../src/host/config_file.ts";
import { logger, type LogPriority, startLogging } from "../../../src/host/log.ts";
import { hasJournalStream } from "../../../src/host/log_journal.ts";
import { LOG_LOCAL4 } from "../../../src/host/log_syslog.ts";
import type { LogOutput } from "../../../src/host/log_types.ts";
import { absolute, dirname, type Program } from "../../../src/host/program.ts";
import { manifest } from "../manifest.ts";
import { CONFIG_FILE, CONTROL_SOCKET, PID_FILE } from "../places.ts";
import { settingProblem, type Values, valuesFrom } from "../setting_values.ts";

/** The original's code for everything that goes wrong. */
export const EXIT_FAILURE = 1;

export interface RunSettings extends Values {
  readonly pidFile: string;
  readonly controlSocket: string;
  readonly realtime: boolean;
  /** Where a runner listens; "": we start our own. */
  readonly runnerSocket: string;
  /** Messages go to standard error, too. */
  readonly toStderr: boolean;
  /** Standard error leads to the journal, which takes more than text from us. */
  readonly toJournal: boolean;
}

/** What its configuration file may say. */
export const CONFIG = {
  keys: manifest.configKeys,
  problemOf: settingProblem,
} satisfies ConfigRules;

export function configFileOf(line: CommandLine): ConfigFile {
  return configFile(line.options.get("config"), CONFIG_FILE);
}

/** Everything together; the command line has the last word. Throws ExitError for the first value that is wrong. */
export function settingsFrom(line: CommandLine, { environment }: Program): RunSettings {
  const option = (name: string, otherwise: string): string => {
    const value = line.options.get(name);
    if (typeof value !== "string") return otherwise;
    return value === "" ? value : absolute(value);
  };
  const toJournal = hasJournalStream(environment);
  // Set to anything, even to nothing, as the original had it.
  const debug = line.options.has("debug") || environment.has("CMANNOTIFYD_DEBUG");
  return {
    ...valuesFrom(fileSettings(CONFIG, configFileOf(line), EXIT_FAILURE), debug),
    pidFile: option("pid-file", PID_FILE),
    controlSocket: option("control-socket", CONTROL_SOCKET),
    realtime: line.options.has("realtime"),
    runnerSocket: option("runner-socket", ""),
    toStderr: line.options.has("foreground") && !toJournal,
    toJournal,
  };
}

/** The journal, of a service, and else syslog. */
function systemLog({ toJournal }: RunSettings, level: LogPriority): LogOutput {
  return toJournal
    ? { level, destination: "journald" }
    : { level: 2, destination: "syslog", argument: manifest.name, facility: LOG_LOCAL4 };
}

function outputsFor(settings: RunSettings, level: LogPriority): LogOutput[] {
  const { toStderr, toSyslog, toLogfile, logfile } = settings;
  const { name } = manifest;
  return [
    ...(toStderr ? [{ level, destination: "stderr" } as const] : []),
    ...(toSyslog ? [systemLog(settings, level)] : []),
    ...(toLogfile
      ? [{ level, destination: "file", argument: logfile, traditionalName: name } as const]
      : []),
  ];
}

let isLogging = false;

/** Whether there is somebody to log to. */
export function hasLog(): boolean {
  return isLogging;
}

/** Begins logging. A log file that cannot be written is said elsewhere, and keeps no notification from its scripts. */
export function openLog(settings: RunSettings): void {
  isLogging = true;
  const level = settings.debug ? 1 : 2;
  const outputs = outputsFor(settings, level);
  const common = { identifier: manifest.name, level, filters: [], banner: () => [] } as const;
  try {
    if (settings.toLogfile) makeDirectories(dirname(settings.logfile), 0o755);
    startLogging({ ...common, outputs });
  } catch (error) {
    if (!(error instanceof Errno)) throw error;
    const others = outputs.filter(({ destination }) => destination !== "file");
    // Where the file was to have everything, it is better said to the wrong log than to none.
    startLogging({
      ...common,
      outputs: others.length > 0 ? others : [systemLog(settings, level)],
    });
    logger("cmannotifyd").error("no log file: {error}", { error });
  }
}
