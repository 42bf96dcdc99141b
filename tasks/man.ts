/**
 * `deno task man [--check] [NAME…]`: brings the tables of the man pages up to date with the manifests.
 *
 * Each daemon has a page in section 8, and its configuration file one in section 5. A page is written by hand, in mdoc(7), but for what stands between `.\" BEGIN table` and `.\" END table`. With --check
 * nothing is written, and a page that is not up to date is an error.
 */
import { basename, join } from "@std/path";
import { parseArgs } from "node:util";
import type { CommandSpec, Manifest, OperandSpec, OptionSpec } from "../src/host/manifest.ts";
import { daemonNames, loadManifest } from "./daemons.ts";
import { root, runTask } from "./toolchain.ts";
import { sentences, wrap } from "./wrap.ts";

/** mandoc complains of longer lines. */
const WIDTH = 78;

/** Text for a text line: nothing in it is a request, an escape or a macro. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replace(/^[.']/, "\\&$&");
}

/** A paragraph, each sentence on a line of its own, as mdoc wants it. */
function paragraph(text: string): string[] {
  return sentences(text).flatMap((sentence) => wrap(sentence, WIDTH).map(escaped));
}

/** An argument of a macro: quoted when it has blanks. */
function quoted(text: string): string {
  const safe = text.replaceAll("\\", "\\e").replaceAll('"', "\\(dq");
  return safe.includes(" ") ? `"${safe}"` : safe;
}

/** A tagged list; each item is a complete `.It` line with its text. An empty one is a word, since mdoc has none. */
function tagged(items: readonly (readonly [string, string])[], width: string): string[] {
  return items.length === 0 ? ["None."] : [
    `.Bl -tag -width ${width}`,
    ...items.flatMap(([item, text]) => [`.It ${item}`, ...paragraph(text)]),
    ".El",
  ];
}

function optionSynopsis(option: OptionSpec): string {
  const flag = option.short ?? `-${option.long}`;
  return `.Op Fl ${flag}${option.argument === undefined ? "" : ` Ar ${option.argument}`}`;
}

function commandSynopsis(command: CommandSpec): string[] {
  return [".Nm", `.Cm ${command.name}`, ...(command.options ?? []).map(optionSynopsis)];
}

function operandSynopsis({ name, optional }: OperandSpec): string {
  return optional === true ? `.Op Ar ${name}` : `.Ar ${name}`;
}

function synopsis({ operands = [], options, commands }: Manifest): string[] {
  return [
    ...[".Nm", ...options.map(optionSynopsis), ...operands.map(operandSynopsis)],
    ...commands.flatMap(commandSynopsis),
  ];
}

function operandItem({ name, help }: OperandSpec): [string, string] {
  return [`Ar ${name}`, help];
}

function optionItem(option: OptionSpec): [string, string] {
  const argument = option.argument === undefined ? "" : ` Ar ${option.argument}`;
  const short = option.short === undefined ? "" : `Fl ${option.short}${argument} , `;
  return [`${short}Fl -${option.long}${argument}`, option.help];
}

function commandItems(command: CommandSpec): [string, string][] {
  return [
    [`Cm ${command.name}`, command.help],
    ...(command.options ?? []).map((option): [string, string] => {
      const [item, help] = optionItem(option);
      return [`Cm ${command.name} ${item}`, help];
    }),
  ];
}

function configItems({ configKeys }: Manifest): [string, string][] {
  return configKeys.map(({ name, type, default: value, help }) => [
    `Ic ${name} No = Ar ${type === "uint" ? "number" : "\\(dqtext\\(dq"}`,
    `${help} Default: ${value}.`,
  ]);
}

function fileList(files: Manifest["files"]): string[] {
  const items = files.map(({ path, session, purpose }): string[] => [
    `.It Pa ${path}`,
    ...paragraph(`${purpose}.`),
    ...(session === undefined ? [] : [".br", "Not as root:", `.Pa ${session}`]),
  ]);
  return [".Bl -tag -width Ds", ...items.flat(), ".El"];
}

function limitItems({ limits }: Manifest): [string, string][] {
  return limits.map(({ name, value, unit, reached }) => [
    quoted(`${name}: ${value.toLocaleString("en-GB")} ${unit}`),
    reached,
  ]);
}

function grantItems({ capabilities }: Manifest): [string, string][] {
  return capabilities.map(({ name, why }) => [`Dv ${name}`, why]);
}

/** src/host/config_grammar.ts, in words. */
const FORMAT = [
  "A line is",
  ".Ql name = value .",
  "A number is decimal;",
  "text stands in single or double quotes, and has no escapes.",
  "A",
  ".Ql #",
  "begins a comment.",
  "Of a name that is set twice the first setting counts.",
  "The file need not exist.",
];

/** The configuration file, and where it is looked for. */
function configurationFile({ name, files }: Manifest): string[] {
  const file = files.find(({ path }) => basename(path) === `${name}.conf`);
  if (file === undefined) throw new Error(`"${name}" has no configuration file`);
  return fileList([file]);
}

type Tables = Readonly<Record<string, (manifest: Manifest) => string[]>>;

/** What can stand between the marks of a page of section 5, by name. */
const CONFIGURATION_TABLES: Tables = {
  format: () => FORMAT,
  configuration: (manifest) => tagged(configItems(manifest), "Ds"),
  "configuration file": configurationFile,
};

/** What can stand between the marks of a page of section 8, by name. */
const TABLES: Tables = {
  synopsis,
  options: ({ operands = [], options }) =>
    tagged([...operands.map(operandItem), ...options.map(optionItem)], "Ds"),
  commands: ({ commands }) => tagged(commands.flatMap(commandItems), "Ds"),
  environment: ({ environment }) =>
    tagged(environment.map(({ name, help }) => [`Ev ${name.replaceAll(", ", " , ")}`, help]), "Ds"),
  files: ({ files }) => fileList(files),
  "exit codes": ({ exitCodes }) =>
    tagged(exitCodes.map(({ code, meaning }) => [String(code), meaning]), "Ds"),
  signals: ({ signals }) =>
    tagged(signals.map(({ name, help }) => [`Dv ${name.replaceAll(", ", " , ")}`, help]), "Ds"),
  limits: (manifest) => tagged(limitItems(manifest), "Ds"),
  capabilities: (manifest) => tagged(grantItems(manifest), "Ds"),
};

export type Section = 5 | 8;
export const SECTIONS: readonly Section[] = [5, 8];

/** The page with its tables made anew. Throws when a mark is unknown or unfinished, or a table is missing. */
export function fillManPage(page: string, manifest: Manifest, section: Section = 8): string {
  const tables = section === 5 ? CONFIGURATION_TABLES : TABLES;
  const lines: string[] = [];
  const missing = new Set(Object.keys(tables));
  let table: string | undefined;
  for (const line of page.split("\n")) {
    const mark = /^\.\\" (BEGIN|END) (.+)$/.exec(line);
    if (mark?.[1] === "END" && mark[2] === table) table = undefined;
    else if (mark !== null && (table !== undefined || mark[1] === "END")) {
      throw new Error(`"${line}" is out of place`);
    }
    if (table === undefined) lines.push(line);
    if (mark?.[1] !== "BEGIN") continue;
    table = mark[2];
    if (!missing.delete(table)) throw new Error(`table "${table}" is unknown or there twice`);
    lines.push(...tables[table](manifest));
  }
  if (table !== undefined) throw new Error(`table "${table}" has no end`);
  if (missing.size > 0) throw new Error(`no place for ${[...missing].join(", ")}`);
  return lines.join("\n");
}

/** A page's file name: NAME.8, or NAME.conf.5. */
export function manPageName(name: string, section: Section = 8): string {
  return section === 5 ? `${name}.conf.5` : `${name}.8`;
}

/** Where a daemon's page is. */
export function manPagePath(name: string, section: Section = 8): string {
  return join(root, "daemons", name, manPageName(name, section));
}

async function update(name: string, section: Section, check: boolean): Promise<boolean> {
  const path = manPagePath(name, section);
  const before = await Deno.readTextFile(path);
  const after = fillManPage(before, await loadManifest(name), section);
  if (before === after) return true;
  if (!check) await Deno.writeTextFile(path, after);
  const what = check ? "not up to date, run deno task man" : "brought up to date";
  console.log(`${basename(path)}: ${what}`);
  return !check;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { check: { type: "boolean", default: false } },
    allowPositionals: true,
  });
  const names = positionals.length > 0 ? positionals : await daemonNames();
  let good = true;
  for (const name of names) {
    for (const section of SECTIONS) good = await update(name, section, values.check) && good;
  }
  return good ? 0 : 1;
}

if (import.meta.main) await runTask("man", main);
