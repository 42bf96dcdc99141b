/**
 * The command line, read as GNU getopt_long(3) reads it for the options of a manifest: bundled short options, `--long=value`,
 * unambiguous prefixes, options behind operands, `--`. The texts are glibc's (posix/getopt.c), without the program's name.
 *
 * Two rules are ours. An option marked `extension`, and every option of a subcommand, is known by its full name only and
 * makes no prefix ambiguous. The first operand is a subcommand when the manifest has one of that name.
 */
import type { CommandSpec, Manifest, OptionSpec } from "./manifest.ts";

/** One option as it was given; `name` is the long one. */
export interface GivenOption {
  readonly name: string;
  readonly value: string | true;
}

export interface CommandLine {
  /** In the order given, for options that act at once. With a failure: those in front of it. */
  readonly given: readonly GivenOption[];
  /** By long name; of an option given several times, the last value. */
  readonly options: ReadonlyMap<string, string | true>;
  readonly command: CommandSpec | undefined;
  /** What is left, without the subcommand's name. */
  readonly operands: readonly string[];
  /** What is wrong, such as `invalid option -- 'x'`; reading stopped there. */
  readonly failure: string | undefined;
}

export type CommandLineManifest = Pick<Manifest, "options" | "commands">;

/** Carries the text from where it is found to parseCommandLine(). */
class Failure extends Error {}

function isAbbreviable(option: OptionSpec): boolean {
  return option.extension !== true;
}

class Parser {
  readonly given: GivenOption[] = [];
  readonly operands: string[] = [];
  command: CommandSpec | undefined;
  readonly #rest: string[];

  constructor(
    private readonly manifest: CommandLineManifest,
    argv: readonly string[],
    private readonly posixlyCorrect: boolean,
  ) {
    this.#rest = [...argv];
  }

  run(): void {
    for (let word = this.#rest.shift(); word !== undefined; word = this.#rest.shift()) {
      if (word === "--") return this.#takeOperands();
      if (word.startsWith("--")) this.#takeLong(word.slice(2));
      else if (word.startsWith("-") && word !== "-") this.#takeShorts(word.slice(1));
      else if (this.#takeOperand(word)) return this.#takeOperands();
    }
  }

  #takeOperands(): void {
    for (const word of this.#rest) this.#takeOperand(word);
  }

  /** True when only operands can follow. */
  #takeOperand(word: string): boolean {
    const isFirst = this.command === undefined && this.operands.length === 0;
    this.command ??= isFirst
      ? this.manifest.commands.find((command) => command.name === word)
      : undefined;
    if (isFirst && this.command !== undefined) return false;
    this.operands.push(word);
    return this.posixlyCorrect;
  }

  #takeShorts(letters: string): void {
    for (let at = 0; at < letters.length;) {
      const letter = String.fromCodePoint(letters.codePointAt(at) as number);
      at += letter.length;
      const option = this.#options().find((option) => option.short === letter);
      if (option === undefined) throw new Failure(`invalid option -- '${letter}'`);
      if (option.argument === undefined) this.given.push({ name: option.long, value: true });
      else {
        const value = letters.slice(at) || this.#rest.shift();
        if (value === undefined) throw new Failure(`option requires an argument -- '${letter}'`);
        this.given.push({ name: option.long, value });
        return;
      }
    }
  }

  #takeLong(text: string): void {
    const equals = text.indexOf("=");
    const option = this.#findLong(equals < 0 ? text : text.slice(0, equals), text);
    const attached = equals < 0 ? undefined : text.slice(equals + 1);
    if (option.argument === undefined) {
      if (attached !== undefined) {
        throw new Failure(`option '--${option.long}' doesn't allow an argument`);
      }
      this.given.push({ name: option.long, value: true });
      return;
    }
    const value = attached ?? this.#rest.shift();
    if (value === undefined) throw new Failure(`option '--${option.long}' requires an argument`);
    this.given.push({ name: option.long, value });
  }

  /** `text` is what the messages show: the name with its `=value`. */
  #findLong(name: string, text: string): OptionSpec {
    const exact = this.#options().find((option) => option.long === name);
    if (exact !== undefined) return exact;
    const candidates = this.manifest.options.filter((option) =>
      isAbbreviable(option) && option.long.startsWith(name)
    );
    if (candidates.length === 1) return candidates[0];
    if (candidates.length === 0) throw new Failure(`unrecognized option '--${text}'`);
    const possibilities = candidates.map((option) => `'--${option.long}'`).join(" ");
    throw new Failure(`option '--${text}' is ambiguous; possibilities: ${possibilities}`);
  }

  #options(): readonly OptionSpec[] {
    return [...this.manifest.options, ...this.command?.options ?? []];
  }
}

/**
 * Reads the arguments, the program's name not among them. `posixlyCorrect`: the first operand ends the options, as with
 * POSIXLY_CORRECT in the environment (a subcommand is not counted). Never throws for what a user typed.
 */
export function parseCommandLine(
  manifest: CommandLineManifest,
  argv: readonly string[],
  posixlyCorrect = false,
): CommandLine {
  const parser = new Parser(manifest, argv, posixlyCorrect);
  let failure: string | undefined;
  try {
    parser.run();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    failure = error.message;
  }
  const options = new Map(parser.given.map(({ name, value }) => [name, value]));
  return {
    given: parser.given,
    options,
    command: parser.command,
    operands: parser.operands,
    failure,
  };
}
