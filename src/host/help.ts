/** The text of `--help`, from the manifest, laid out as libvirt's daemons have it. */
import type { CommandSpec, FileSpec, Manifest, OperandSpec, OptionSpec } from "./manifest.ts";

export type HelpManifest = Pick<
  Manifest,
  "summary" | "operands" | "options" | "commands" | "files"
>;

function optionNames(option: OptionSpec): string {
  const short = option.short === undefined ? "    " : `-${option.short} |`;
  const argument = option.argument === undefined ? "" : ` <${option.argument}>`;
  return `${short} --${option.long}${argument}`;
}

/** Two columns, the second one aligned. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)} ${right}`.trimEnd());
}

function optionLines(options: readonly OptionSpec[]): string[] {
  return columns(options.map((option) => [optionNames(option), option.help]));
}

function commandLines(command: CommandSpec): string[] {
  const names = (command.options ?? []).map((option) => `  ${optionNames(option)}`);
  const helps = (command.options ?? []).map((option) => option.help);
  return columns([
    [command.name, command.help],
    ...names.map((name, i): [string, string] => [name, helps[i]]),
  ]);
}

function usageLines(program: string, { operands = [], commands }: HelpManifest): string[] {
  const line = (rest: string): string => `  ${program} ${rest}`;
  const words = operands.map(({ name, optional }) => optional === true ? ` [${name}]` : ` ${name}`);
  return [
    line(`[options]${words.join("")}`),
    ...commands.map((command) => line(`${command.name} [options]`)),
  ];
}

function operandLines(operands: readonly OperandSpec[]): string[] {
  return operands.length === 0
    ? []
    : ["", "Arguments:", ...columns(operands.map(({ name, help }) => [name, help]))];
}

function fileLines(files: readonly FileSpec[], session: boolean): string[] {
  return files.flatMap((file) => [
    "",
    `    ${file.purpose}:`,
    `      ${session ? file.session ?? file.path : file.path}`,
  ]);
}

/** `program`: as the user typed it. `session`: show the paths of a daemon that does not run as root. */
export function helpText(manifest: HelpManifest, program: string, session: boolean): string {
  const { operands = [], commands, files } = manifest;
  const lines = [
    ...["", "Usage:", ...usageLines(program, manifest)],
    ...operandLines(operands),
    ...["", "Options:", ...optionLines(manifest.options)],
    ...(commands.length === 0 ? [] : ["", "Commands:", ...commands.flatMap(commandLines)]),
    ...["", `${manifest.summary}:`],
    ...(files.length === 0 ? [] : ["", "  Default paths:", ...fileLines(files, session)]),
    "",
  ];
  return lines.join("\n") + "\n";
}
