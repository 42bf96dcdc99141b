/** Configuration files: reading one, its keys with their types, and the report of `--check-config`. */
import * as v from "valibot";
import { ENOENT, Errno, strerror } from "../../ffi/errno.ts";
import { readWholeFile, statPath } from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";
import {
  ConfigError,
  type ConfigTable,
  type ConfigValue,
  firstDefinitions,
  parseConfig,
  scanConfig,
} from "./config_grammar.ts";
import type { ConfigKeySpec } from "./manifest.ts";

export { type ConfigEntry, ConfigError, type ConfigTable, parseConfig } from "./config_grammar.ts";

/** MAX_CONFIG_FILE_SIZE of libvirt's virconf.c */
export const CONFIG_MAX_BYTES = 10 << 20;
const UINT_MAX = 4_294_967_295n;

/** The typed values of the keys that the file sets. */
export type Settings<Keys extends readonly ConfigKeySpec[]> = {
  readonly [Key in Keys[number] as Key["name"]]?: Key["type"] extends "uint" ? number
    : Key["type"] extends "string" ? string
    : number | string;
};

/** Reads a file's text. Throws ConfigError of kind "file". */
export function readConfigText(path: string): string {
  try {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    return decoder.decode(readWholeFile(path, CONFIG_MAX_BYTES));
  } catch (error) {
    throw new ConfigError("file", path, undefined, unreadable(path, error));
  }
}

function unreadable(path: string, error: unknown): string {
  if (error instanceof Errno) return `Failed to open file '${path}': ${strerror(error.code)}`;
  if (error instanceof RangeError) return `Failed to read file '${path}': ${error.message}`;
  throw error;
}

/**
 * Reads and parses a file; one that does not exist has no settings when it is `optional`.
 * Throws ConfigError of kind "file" or "syntax".
 */
export function loadConfig(path: string, optional: boolean): ConfigTable {
  if (optional && statPath(cString(path)) === -ENOENT) return new Map();
  return parseConfig(readConfigText(path), path);
}

function uintSchema(key: string): v.GenericSchema<ConfigValue, number> {
  return v.pipe(
    v.custom<ConfigValue>(
      (value) => isUnsigned(value as ConfigValue),
      `expected an unsigned integer for '${key}' parameter`,
    ),
    v.transform((value) => (value as { value: bigint }).value),
    v.check(
      (value) => value >= 0n && value <= UINT_MAX,
      `value for '${key}' parameter must be in range 0:${UINT_MAX}`,
    ),
    v.transform(Number),
  );
}

function isUnsigned(value: ConfigValue): boolean {
  return value.type === "integer" && !value.negative;
}

function stringSchema(key: string): v.GenericSchema<ConfigValue, string> {
  return v.pipe(
    v.custom<ConfigValue>(
      (value) => (value as ConfigValue).type === "string",
      `expected a string for '${key}' parameter`,
    ),
    v.transform((value) => (value as { value: string }).value),
  );
}

/** The schema of a daemon's keys. Keys it does not know are let through and left out, as the original does. */
function settingsSchema(keys: readonly ConfigKeySpec[]): v.GenericSchema<unknown, object> {
  const entries = keys.map(({ name, type }) => {
    const schema = type === "uint" ? uintSchema(name) : stringSchema(name);
    return [name, v.optional(schema as v.GenericSchema<ConfigValue, number | string>)];
  });
  return v.object(Object.fromEntries(entries));
}

function valuesOf(table: ConfigTable): Record<string, ConfigValue> {
  return Object.fromEntries([...table].map(([key, entry]) => [key, entry.value]));
}

/** The typed settings of a file. Throws ConfigError of kind "value" for the first key, in the manifest's order, that is wrong. */
export function readSettings<const Keys extends readonly ConfigKeySpec[]>(
  keys: Keys,
  table: ConfigTable,
  fileName: string,
): Settings<Keys> {
  if (table.size === 0) return {};
  const result = v.safeParse(settingsSchema(keys), valuesOf(table));
  if (result.success) return result.output as Settings<Keys>;
  const issue = result.issues[0];
  throw new ConfigError("value", fileName, lineOf(table, issue), issue.message);
}

function keyOf(issue: v.BaseIssue<unknown>): string {
  return String(issue.path?.[0].key);
}

function lineOf(table: ConfigTable, issue: v.BaseIssue<unknown>): number | undefined {
  return table.get(keyOf(issue))?.line;
}

export interface ConfigProblem {
  /** A warning does not keep the daemon from starting. */
  readonly severity: "error" | "warning";
  readonly line: number;
  readonly key: string | undefined;
  readonly message: string;
}

/** Tells what is wrong with a value of the right type, or undefined. */
export type ValueCheck = (value: number | string) => string | undefined;

/** Every problem of a file, by line. `checks`: the daemon's own, by key. */
export function checkConfig(
  keys: readonly ConfigKeySpec[],
  text: string,
  fileName: string,
  checks: ReadonlyMap<string, ValueCheck> = new Map(),
): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const entries = scanConfig(text, fileName, (error) => {
    problems.push({
      severity: "error",
      line: error.line ?? 1,
      key: undefined,
      message: error.what,
    });
  });
  const table = firstDefinitions(entries);
  for (const entry of entries) {
    const message = valueProblem(keys, table, entry.key, checks);
    const line = entry.line;
    const first = table.get(entry.key)?.line ?? line;
    if (!keys.some(({ name }) => name === entry.key)) {
      problems.push({ severity: "warning", line, key: entry.key, message: "unknown key, ignored" });
    } else if (first !== line) {
      const ignored = `set already in line ${first}, ignored`;
      problems.push({ severity: "warning", line, key: entry.key, message: ignored });
    } else if (message !== undefined) {
      problems.push({ severity: "error", line, key: entry.key, message });
    }
  }
  return problems.sort((a, b) => a.line - b.line);
}

function valueProblem(
  keys: readonly ConfigKeySpec[],
  table: ConfigTable,
  key: string,
  checks: ReadonlyMap<string, ValueCheck>,
): string | undefined {
  const result = v.safeParse(settingsSchema(keys), valuesOf(table));
  if (!result.success) {
    const issue = result.issues.find((issue) => keyOf(issue) === key);
    if (issue !== undefined) return issue.message;
  }
  const value = (result.output as Record<string, number | string | undefined>)[key];
  return typeof value === "number" || typeof value === "string"
    ? checks.get(key)?.(value)
    : undefined;
}

/** `file:line:key: message`, without the key where there is none. */
export function problemText(fileName: string, problem: ConfigProblem): string {
  const key = problem.key === undefined ? "" : `${problem.key}:`;
  const warning = problem.severity === "warning" ? "warning: " : "";
  return `${fileName}:${problem.line}:${key} ${warning}${problem.message}`;
}
