/**
 * `deno task completion [NAME…]`: derives completions for bash, zsh and fish from the manifests, into dist/completions/.
 *
 * An argument called "file" completes to file names; of any other argument the shell can know nothing.
 */
import { dirname, join, relative } from "@std/path";
import { parseArgs } from "node:util";
import type { CommandSpec, Manifest, OptionSpec } from "../src/host/manifest.ts";
import { daemonNames, loadManifest } from "./daemons.ts";
import { root, runTask } from "./toolchain.ts";

/** Every way to type an option. */
function spellings({ short, long }: OptionSpec): string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${long}`];
}

function takesFile(option: OptionSpec): boolean {
  return option.argument === "file";
}

/** A text in single quotes, as bash and zsh read it. */
function posixQuoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function bashPattern(options: readonly OptionSpec[]): string {
  return options.flatMap(spellings).join("|");
}

function bashCase(options: readonly OptionSpec[], action: string): string[] {
  return options.length === 0 ? [] : [`    ${bashPattern(options)}) ${action} ;;`];
}

function bashCommandCase({ name, options }: CommandSpec, common: readonly string[]): string {
  const words = [...common, ...(options ?? []).flatMap(spellings)];
  return `      ${name}) words=${posixQuoted(words.join(" "))} ;;`;
}

/** A completion script for bash, which needs nothing but bash. */
export function bashCompletion({ name, options, commands }: Manifest): string {
  const common = options.flatMap(spellings);
  const files = options.filter(takesFile);
  const others = options.filter((option) => option.argument !== undefined && !takesFile(option));
  const first = [...common, ...commands.map((command) => command.name)];
  return [
    `# bash completion for ${name}`,
    "",
    `_${name}() {`,
    "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} i",
    `  local words=${posixQuoted(first.join(" "))}`,
    "  COMPREPLY=()",
    "  # --config=FILE comes in three words.",
    "  if [[ $word == = ]]; then",
    "    word=",
    "  elif [[ $before == = ]]; then",
    "    before=${COMP_WORDS[COMP_CWORD-2]}",
    "  fi",
    "  case $before in",
    ...bashCase(
      files,
      'compopt -o filenames 2> /dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$word"); return',
    ),
    ...bashCase(others, "return"),
    "  esac",
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    "    case ${COMP_WORDS[i]} in",
    ...commands.map((command) => bashCommandCase(command, common)),
    "    esac",
    "  done",
    '  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")',
    "}",
    "",
    `complete -F _${name} ${name}`,
    "",
  ].join("\n");
}

/** An `_arguments` specification; in it, colons, brackets and backslashes of a text are escaped. */
function zshSpec(option: OptionSpec): string {
  const help = option.help.replace(/[\\:[\]]/g, "\\$&");
  const action = takesFile(option) ? "_files" : " ";
  const argument = option.argument === undefined ? "" : `:${option.argument}:${action}`;
  const names = spellings(option);
  const excluded = posixQuoted(`(${names.join(" ")})`);
  // A long option takes its argument behind "=" or as the next word, a short one also directly.
  const long = option.argument === undefined ? `--${option.long}` : `--${option.long}=`;
  if (option.short === undefined) return `    ${posixQuoted(`${long}[${help}]${argument}`)}`;
  const short = option.argument === undefined ? `-${option.short}` : `-${option.short}+`;
  return `    ${excluded}{${short},${long}}${posixQuoted(`[${help}]${argument}`)}`;
}

function zshCommand({ name, help, options }: CommandSpec): { described: string; specs: string } {
  return {
    described: `      ${posixQuoted(`${name}:${help.replaceAll(":", "\\:")}`)}`,
    specs: `        ${name}) options+=(\n${(options ?? []).map(zshSpec).join("\n")}\n        ) ;;`,
  };
}

/** A completion function for zsh, to be found in $fpath as `_NAME`. */
export function zshCompletion({ name, options, commands }: Manifest): string {
  const parts = commands.map(zshCommand);
  return [
    `#compdef ${name}`,
    "",
    `_${name}() {`,
    "  local -a options commands",
    "  options=(",
    ...options.map(zshSpec),
    "  )",
    "  commands=(",
    ...parts.map(({ described }) => described),
    "  )",
    "  local word",
    "  for word in ${words[2,CURRENT-1]}; do",
    "    case $word in",
    ...parts.map(({ specs }) => specs),
    "    esac",
    "  done",
    "  _arguments -s $options '1: :{_describe command commands}'",
    "}",
    "",
    `_${name} "$@"`,
    "",
  ].join("\n");
}

/** A text in single quotes, as fish reads it. */
function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

function fishOption(program: string, option: OptionSpec, condition?: string): string {
  return [
    `complete -c ${program}`,
    ...(condition === undefined ? [] : [`-n ${fishQuoted(condition)}`]),
    ...(option.short === undefined ? [] : [`-s ${option.short}`]),
    `-l ${option.long}`,
    ...(option.argument === undefined ? [] : [takesFile(option) ? "-r -F" : "-x"]),
    `-d ${fishQuoted(option.help)}`,
  ].join(" ");
}

function fishCommand(program: string, { name, help, options }: CommandSpec): string[] {
  const used = `__fish_seen_subcommand_from ${name}`;
  return [
    `complete -c ${program} -n ${fishQuoted(`not ${used}`)} -a ${name} -d ${fishQuoted(help)}`,
    ...(options ?? []).map((option) => fishOption(program, option, used)),
  ];
}

/** Completions for fish. */
export function fishCompletion({ name, options, commands }: Manifest): string {
  return [
    `# fish completion for ${name}`,
    `complete -c ${name} -f`,
    ...options.map((option) => fishOption(name, option)),
    ...commands.flatMap((command) => fishCommand(name, command)),
    "",
  ].join("\n");
}

/** All completions of a daemon, by the file name that each shell looks for. */
export function completions(manifest: Manifest): Map<string, string> {
  return new Map([
    [`bash/${manifest.name}`, bashCompletion(manifest)],
    [`zsh/_${manifest.name}`, zshCompletion(manifest)],
    [`fish/${manifest.name}.fish`, fishCompletion(manifest)],
  ]);
}

/** Writes a daemon's completions into a folder for each shell, below `folder`. */
export async function writeCompletions(manifest: Manifest, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for (const [name, text] of completions(manifest)) {
    const path = join(folder, name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text);
    paths.push(path);
  }
  return paths;
}

async function main(): Promise<number> {
  const { positionals } = parseArgs({ args: Deno.args, allowPositionals: true });
  for (const name of positionals.length > 0 ? positionals : await daemonNames()) {
    const paths = await writeCompletions(
      await loadManifest(name),
      join(root, "dist/completions"),
    );
    for (const path of paths) console.log(relative(root, path));
  }
  return 0;
}

if (import.meta.main) await runTask("completion", main);
