/**
 * libvirt's log settings (src/util/virlog.c of libvirt 9.0.0): the grammar of `log_level`, `log_outputs` and `log_filters`, as the
 * configuration, the environment and the admin protocol have them, and which of these counts. Pure.
 */
import type { LogFilter, LogOutput, LogPriority } from "../../src/host/log_types.ts";
import { LOG_WORDS_MAX } from "./limits.ts";

/** A setting that libvirt answers with VIR_ERR_INVALID_ARG; the message is the text behind `invalid argument: `. */
export class LogSettingError extends Error {
  override name = "LogSettingError";
}

/** Where a relative path of a `file` output begins. */
export type WorkingDirectory = string;

const DESTINATIONS: readonly string[] = ["stderr", "syslog", "file", "journald"];
const LEVEL_NAMES = ["debug", "info", "warning", "error"];
const DEFAULT_LEVEL = 3;
const VERBOSE_LEVEL = 2;

function isPriority(level: number): level is LogPriority {
  return level >= 1 && level <= 4;
}

/** A priority as strtoul(3) reads it; undefined when it is none. */
function parsePriority(text: string): LogPriority | undefined {
  const level = /^\s*\+?\d+$/.test(text) ? Number(text) : 0;
  return isPriority(level) ? level : undefined;
}

/** Throws LogSettingError. */
function words(text: string): string[] {
  const list = text.split(" ").filter((word) => word !== "");
  if (list.length <= LOG_WORDS_MAX) return list;
  throw new LogSettingError(`More than ${LOG_WORDS_MAX} log outputs or filters`);
}

function badLevel(level: number | string): LogSettingError {
  return new LogSettingError(`Failed to set logging priority, argument '${level}' is invalid`);
}

/** `log_level`; undefined for 0, which means unset. Throws LogSettingError. */
export function checkLevel(level: number): LogPriority | undefined {
  if (level === 0) return undefined;
  if (!isPriority(level)) throw badLevel(level);
  return level;
}

/** LIBVIRT_DEBUG: 1–4 or a name. Throws LogSettingError. */
export function parseLevel(text: string): LogPriority {
  const index = LEVEL_NAMES.indexOf(text);
  const level = index < 0 && /^[1-4]$/.test(text) ? Number(text) : index + 1;
  if (!isPriority(level)) throw badLevel(text);
  return level;
}

/** Throws LogSettingError. */
function parseOutput(word: string, directory: WorkingDirectory): LogOutput {
  const parts = word.split(":");
  if (parts.length < 2) throw new LogSettingError(`Malformed format for log output '${word}'`);
  const level = parsePriority(parts[0]);
  if (level === undefined) {
    throw new LogSettingError(`Invalid log priority '${parts[0]}' for log output '${word}'`);
  }
  if (!DESTINATIONS.includes(parts[1])) {
    throw new LogSettingError(`Invalid log destination '${parts[1]}' for log output '${word}'`);
  }
  const destination = parts[1] as LogOutput["destination"];
  const takesArgument = destination === "syslog" || destination === "file";
  if (parts.length !== (takesArgument ? 3 : 2)) {
    const requirement = `the format requirements for destination type '${destination}'`;
    throw new LogSettingError(`Log output '${word}' does not meet ${requirement}`);
  }
  if (!takesArgument) return { level, destination };
  const argument = destination === "file" ? absolutePath(parts[2], directory) : parts[2];
  return { level, destination, argument };
}

/** Without `.`, `..` and doubled slashes, as g_canonicalize_filename has it. */
function absolutePath(path: string, directory: WorkingDirectory): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${directory}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function isSamePlace(a: LogOutput, b: LogOutput): boolean {
  return a.destination === b.destination && a.argument === b.argument;
}

/** `log_outputs`; of two for the same place the last counts. Empty for blanks only. Throws LogSettingError. */
export function parseOutputs(text: string, directory: WorkingDirectory): LogOutput[] {
  const outputs = words(text).map((word) => parseOutput(word, directory));
  return outputs.filter((output, i) => !outputs.slice(i + 1).some((o) => isSamePlace(o, output)));
}

/** Throws LogSettingError. */
function parseFilter(word: string): LogFilter {
  const parts = word.split(":");
  if (parts.length < 2) throw new LogSettingError(`Malformed format for filter '${word}'`);
  const level = parsePriority(parts[0]);
  if (level === undefined) {
    throw new LogSettingError(`Invalid priority '${parts[0]}' for filter '${word}'`);
  }
  // A leading + once asked for stack traces.
  const match = parts[1].replace(/^\+/, "");
  if (match === "") throw new LogSettingError(`Invalid match string '${parts[1]}'`);
  return { level, match };
}

/** `log_filters`. Throws LogSettingError. */
export function parseFilters(text: string): LogFilter[] {
  return words(text).map(parseFilter);
}

/** As ADMIN_PROC_GET_LOGGING_OUTPUTS answers: `3:stderr 1:file:/x`. */
export function printOutputs(outputs: readonly LogOutput[]): string {
  return outputs.map(({ level, destination, argument }) =>
    `${level}:${destination}${argument === undefined ? "" : `:${argument}`}`
  ).join(" ");
}

/** As ADMIN_PROC_GET_LOGGING_FILTERS answers: `1:*locking* 3:*util* `, the last blank included. */
export function printFilters(filters: readonly LogFilter[]): string {
  return filters.map(({ level, match }) => `${level}:*${match}* `).join("");
}

/** What the default output depends on. */
export interface LogSurroundings {
  /** `-d` was given. */
  readonly daemonized: boolean;
  readonly stdinIsTerminal: boolean;
  /** The journal's socket can be written to. */
  readonly hasJournal: boolean;
  /** The log file of a daemon that has nothing else. */
  readonly logFile: string;
}

export function defaultOutput(level: LogPriority, surroundings: LogSurroundings): LogOutput {
  const { daemonized, stdinIsTerminal, hasJournal, logFile } = surroundings;
  if (!daemonized && stdinIsTerminal) return { level, destination: "stderr" };
  // The journal is not for debugging by default.
  if (hasJournal) return { level: level === 1 ? 2 : level, destination: "journald" };
  if (!daemonized) return { level, destination: "stderr" };
  return { level, destination: "file", argument: logFile };
}

export interface LogSources {
  /** From the configuration file. */
  readonly log_level?: number;
  readonly log_filters?: string;
  readonly log_outputs?: string;
  /** For LIBVIRT_DEBUG, LIBVIRT_LOG_FILTERS, LIBVIRT_LOG_OUTPUTS; an empty one counts as unset. */
  readonly environment: ReadonlyMap<string, string>;
  /** `-v` was given. */
  readonly verbose: boolean;
  readonly directory: WorkingDirectory;
  readonly surroundings: LogSurroundings;
}

export interface ChosenLogSettings {
  readonly level: LogPriority;
  readonly filters: readonly LogFilter[];
  readonly outputs: readonly LogOutput[];
  /** What an admin client gets who sets the outputs to nothing. */
  readonly defaultOutput: LogOutput;
}

/**
 * The command line counts before the environment, and that before the file; yet each is checked, in the original's order, and a
 * wrong one that does not count is an error, too. Throws LogSettingError.
 */
export function chooseLogSettings(sources: LogSources): ChosenLogSettings {
  const { directory, environment, surroundings } = sources;
  const variable = (name: string): string | undefined => environment.get(name) || undefined;
  const fileLevel = checkLevel(sources.log_level ?? 0);
  const fileFilters = parseFilters(sources.log_filters ?? "");
  const fileOutputs = parseOutputs(sources.log_outputs ?? "", directory);

  const levelName = variable("LIBVIRT_DEBUG");
  const envLevel = levelName === undefined ? undefined : parseLevel(levelName);
  const filters = variable("LIBVIRT_LOG_FILTERS");
  const envFilters = filters === undefined ? undefined : parseFilters(filters);
  const envOutputs = parseOutputs(variable("LIBVIRT_LOG_OUTPUTS") ?? "", directory);

  const quiet = envLevel ?? fileLevel ?? DEFAULT_LEVEL;
  const level = sources.verbose && quiet > VERBOSE_LEVEL ? VERBOSE_LEVEL : quiet;
  const fallback = defaultOutput(level, surroundings);
  const outputs = [envOutputs, fileOutputs, [fallback]].find((list) => list.length > 0);
  return {
    level,
    filters: envFilters ?? fileFilters,
    outputs: outputs ?? [fallback],
    defaultOutput: fallback,
  };
}

/** What is wrong with the value of a `log_…` key, for `--check-config`; undefined when nothing is. */
export function logSettingProblem(key: string, value: number | string): string | undefined {
  try {
    if (key === "log_level") checkLevel(Number(value));
    if (key === "log_filters") parseFilters(String(value));
    if (key === "log_outputs") parseOutputs(String(value), "/");
    return undefined;
  } catch (error) {
    if (error instanceof LogSettingError) return error.message;
    throw error;
  }
}
