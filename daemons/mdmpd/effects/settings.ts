/** What the daemon is told: command line and configuration file. */
import { accessPath, W_OK } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { hostName } from "../../../ffi/process.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import {
  type ConfigFile,
  configFile,
  type ConfigRules,
  fileSettings,
} from "../../../src/host/config_file.ts";
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

export interface RunSettings extends CoreSettings {
  readonly pidFile: string;
  /** The event program's path; "" for none. */
  readonly program: string;
  /** Where its helper listens; "": the daemon starts one. */
  readonly eventSocket: string;
  readonly log: { readonly level: LogPriority; readonly outputs: readonly LogOutput[] };
}

/** What its configuration file may say. */
export const CONFIG = {
  keys: manifest.configKeys,
  problemOf: settingProblem,
} satisfies ConfigRules;

export function configFileOf(line: CommandLine, places: Places): ConfigFile {
  return configFile(line.options.get("config"), places.config);
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
  const config = fileSettings(CONFIG, configFileOf(line, places), EX_CONFIG);
  const interval = optionValue(line, "interval", "interval");
  const names = optionValue(line, "personality", "personality") ?? config.personality;
  const given = {
    ...config,
    ...(interval === undefined ? {} : { interval: Number(interval) }),
    ...(line.options.has("check-standby") ? { check_standby: 1 } : {}),
  };
  const pidFile = line.options.get("pid-file");
  const eventSocket = line.options.get("event-socket");
  const level = line.options.has("verbose") ? 1 : (config.log_level ?? 2) as LogPriority;
  return {
    policy: policyFrom(given, line.options.has("dry-run")),
    personalities: new Set(splitPersonalities(names ?? "multipath")),
    probeTimeoutMs: probeTimeoutMs(given),
    pidFile: typeof pidFile === "string" ? pidFile : places.pidFile,
    program: optionValue(line, "program", "program") ?? config.program ?? "",
    eventSocket: typeof eventSocket === "string" ? eventSocket : "",
    log: { level, outputs: outputsFor(level, isForeground) },
  };
}

/** The event program's path, "" for none; where the command line has it, no file is read. Throws ExitError. */
export function eventProgramOf(line: CommandLine, places: Places): string {
  return optionValue(line, "program", "program") ??
    fileSettings(CONFIG, configFileOf(line, places), EX_CONFIG).program ?? "";
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
