/** What the daemon is told: command line, environment, configuration file. */
import { accessPath, W_OK } from "../../../ffi/file.ts";
import { cString } from "../../../ffi/memory.ts";
import { hostName, isTerminal, workingDirectory } from "../../../ffi/process.ts";
import type { CommandLine } from "../../../src/host/cli.ts";
import { ConfigError, loadConfig, readSettings, type Settings } from "../../../src/host/config.ts";
import { type ConfigFile, configFile } from "../../../src/host/config_file.ts";
import { ExitError } from "../../../src/host/exit.ts";
import { logger, startLogging } from "../../../src/host/log.ts";
import { FileSink } from "../../../src/host/log_file.ts";
import { JOURNAL_SOCKET } from "../../../src/host/log_journal.ts";
import type { ProgramKind } from "../../../src/host/reexec.ts";
import { DEFAULT_ADMIN_MAX_CLIENTS, DEFAULT_MAX_CLIENTS } from "../limits.ts";
import { chooseLogSettings, type ChosenLogSettings, LogSettingError } from "../log_settings.ts";
import { manifest } from "../manifest.ts";
import type { Places } from "../places.ts";

/** The exit code for everything that the caller can put right. */
export const EXIT_SETTINGS = 1;

/** The largest `-t`: its milliseconds must fit an int in the original. */
const LONGEST_TIMEOUT_S = 2_147_483;

export type ConfigSettings = Settings<typeof manifest.configKeys>;

export interface RunSettings {
  readonly configFile: string;
  readonly pidFile: string;
  readonly idleTimeoutS: number;
  readonly maxClients: number;
  readonly adminMaxClients: number;
  readonly log: ChosenLogSettings;
}

/** The file named by `-f`, which must exist, or the default one, which need not. */
export function configFileOf(line: CommandLine, places: Places): ConfigFile {
  return configFile(line.options.get("config"), places.config);
}

/** How libvirt begins the text, by what is wrong. */
const CONFIG_ERROR_PREFIXES: Readonly<Record<ConfigError["kind"], string>> = {
  file: "",
  syntax: "configuration file syntax error: ",
  value: "internal error: ",
};

/** The settings of the configuration file. Throws ExitError with the original's text. */
export function readConfig(line: CommandLine, places: Places): ConfigSettings {
  const { path, optional } = configFileOf(line, places);
  try {
    return readSettings(manifest.configKeys, loadConfig(path, optional), path);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const text = `${CONFIG_ERROR_PREFIXES[error.kind]}${error.message}`;
    throw new ExitError(EXIT_SETTINGS, `Can't load config file: ${text}: ${path}`);
  }
}

/** `-t`: decimal digits, whatever follows them, as strtol(3) reads it. Throws ExitError. */
function idleTimeout(line: CommandLine): number {
  const given = line.options.get("timeout");
  if (given === undefined) return 0;
  const digits = /^\s*\+?(\d+)/.exec(String(given));
  const seconds = digits === null ? NaN : Number(digits[1]);
  if (seconds <= LONGEST_TIMEOUT_S) return seconds;
  throw new ExitError(EXIT_SETTINGS, "Invalid value for timeout");
}

/** Everything together. Throws ExitError. */
export function settingsFrom(
  line: CommandLine,
  config: ConfigSettings,
  places: Places,
  environment: ReadonlyMap<string, string>,
): RunSettings {
  const pidFile = line.options.get("pid-file");
  return {
    configFile: configFileOf(line, places).path,
    pidFile: typeof pidFile === "string" ? pidFile : places.pidFile,
    idleTimeoutS: idleTimeout(line),
    maxClients: config.max_clients ?? DEFAULT_MAX_CLIENTS,
    adminMaxClients: config.admin_max_clients ?? DEFAULT_ADMIN_MAX_CLIENTS,
    log: logSettings(line, config, places, environment),
  };
}

/** Throws ExitError where it has been removed: a program of ours cannot start there. */
function currentDirectory(): string {
  try {
    return workingDirectory();
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    throw new ExitError(EXIT_SETTINGS, `no working directory: ${reason}`);
  }
}

function logSettings(
  line: CommandLine,
  config: ConfigSettings,
  places: Places,
  environment: ReadonlyMap<string, string>,
): ChosenLogSettings {
  try {
    return chooseLogSettings({
      ...config,
      environment,
      verbose: line.options.has("verbose"),
      directory: currentDirectory(),
      surroundings: {
        daemonized: line.options.has("daemon"),
        stdinIsTerminal: isTerminal(0),
        hasJournal: accessPath(cString(JOURNAL_SOCKET), W_OK) === 0,
        logFile: places.logFile,
      },
    });
  } catch (error) {
    if (!(error instanceof LogSettingError)) throw error;
    throw new ExitError(EXIT_SETTINGS, `invalid argument: ${error.message}`);
  }
}

/**
 * Checks the settings for a successor, as they are now. The C daemon ends with all locks when it cannot open a log file; ours
 * takes over with the default settings. Throws ExitError, Errno.
 */
export function checkSettings(
  line: CommandLine,
  places: Places,
  environment: ReadonlyMap<string, string>,
  successor: ProgramKind,
): void {
  const { log } = settingsFrom(line, readConfig(line, places), places, environment);
  if (successor === "ours") return;
  for (const { destination, argument = "" } of log.outputs) {
    if (destination === "file") new FileSink(argument).close();
  }
}

/** The arguments of this daemon as the C daemon takes them: without the options that we have added. */
export function originalArguments(
  { given }: CommandLine,
  args: readonly string[],
): readonly string[] {
  const isAdded = (name: string): boolean =>
    manifest.options.some((option) => option.long === name && "extension" in option);
  if (!given.some(({ name }) => isAdded(name))) return args;
  return given.filter(({ name }) => !isAdded(name))
    .flatMap(({ name, value }) => value === true ? [`--${name}`] : [`--${name}`, value]);
}

/** Begins logging. Throws ExitError when an output cannot be opened. */
export function openLog(log: ChosenLogSettings, version: string): void {
  try {
    startLogging({
      identifier: manifest.name,
      level: log.level,
      filters: log.filters,
      outputs: log.outputs,
      banner: () => [`hostkeep ${manifest.name} version: ${version}`, `hostname: ${hostName()}`],
    });
  } catch (error) {
    throw new ExitError(EXIT_SETTINGS, error instanceof Error ? error.message : String(error));
  }
  logger("locking", "lock_daemon").debug("logging started");
}
