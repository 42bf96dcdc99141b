/** A daemon's configuration file: which one it is, the settings in it, and the report of `--check-config`. */
import { ENOENT } from "../../ffi/errno.ts";
import { accessPath } from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";
import {
  checkConfig,
  ConfigError,
  type ConfigProblem,
  loadConfig,
  problemText,
  readConfigText,
  readSettings,
  type Settings,
} from "./config.ts";
import { ExitError } from "./exit.ts";
import type { ConfigKeySpec } from "./manifest.ts";
import { STDERR, STDOUT, writeText } from "./standard.ts";

export interface ConfigFile {
  readonly path: string;
  /** It need not be there. */
  readonly optional: boolean;
}

/** What the files of a daemon may say. */
export interface ConfigRules<Keys extends readonly ConfigKeySpec[] = readonly ConfigKeySpec[]> {
  readonly keys: Keys;
  /** What is wrong with a value of the right type; undefined for nothing. */
  problemOf(key: string, value: number | string): string | undefined;
}

/** The file that was named, which must be there, or the usual one, which need not. */
export function configFile(named: string | boolean | undefined, usual: string): ConfigFile {
  return typeof named === "string"
    ? { path: named, optional: false }
    : { path: usual, optional: true };
}

/** Every problem of a file's text, by line. */
export function configProblems(rules: ConfigRules, text: string, path: string): ConfigProblem[] {
  const checks = new Map(rules.keys.map(({ name }) => {
    const check = (value: number | string): string | undefined => rules.problemOf(name, value);
    return [name, check];
  }));
  return checkConfig(rules.keys, text, path, checks);
}

function isError({ severity }: ConfigProblem): boolean {
  return severity === "error";
}

/** What the file sets. Throws ExitError with `failureCode` for the first thing that is wrong. */
export function fileSettings<const Keys extends readonly ConfigKeySpec[]>(
  rules: ConfigRules<Keys>,
  { path, optional }: ConfigFile,
  failureCode: number,
): Settings<Keys> {
  try {
    const table = loadConfig(path, optional);
    const settings = readSettings(rules.keys, table, path);
    if (table.size === 0) return settings;
    const problem = configProblems(rules, readConfigText(path), path).find(isError);
    if (problem === undefined) return settings;
    throw new ExitError(failureCode, problemText(path, problem));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ExitError(failureCode, error.message);
  }
}

/** Prints every problem with its place. Throws ExitError with `failureCode` when one would keep the daemon from starting. */
export function reportConfig(
  rules: ConfigRules,
  { path, optional }: ConfigFile,
  failureCode: number,
): void {
  if (optional && accessPath(cString(path), 0) === -ENOENT) {
    return writeText(STDOUT, `${path}: not there, the defaults are in force\n`);
  }
  try {
    const problems = configProblems(rules, readConfigText(path), path);
    for (const problem of problems) writeText(STDERR, `${problemText(path, problem)}\n`);
    if (problems.some(isError)) throw new ExitError(failureCode);
    writeText(STDOUT, `${path}: ok\n`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ExitError(failureCode, error.message);
  }
}
