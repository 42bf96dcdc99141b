/**
 * The grammar of libvirt's configuration files (src/util/virconf.c of libvirt 9.0.0): `name = value` statements, one a line
 * or separated by `;`, with `#` comments. A value is an integer, a string on one line in single or double quotes without
 * escapes, a string over several lines in triple double quotes, or a list of values in brackets.
 */

export type ConfigValue =
  /** `negative`: written with a minus sign. The value wraps at 64 bits as C's does. */
  | { readonly type: "integer"; readonly value: bigint; readonly negative: boolean }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "list"; readonly items: readonly ConfigValue[] };

export interface ConfigEntry {
  readonly key: string;
  readonly value: ConfigValue;
  /** The line of the key, from 1. */
  readonly line: number;
}

/** By key; the first definition counts. */
export type ConfigTable = ReadonlyMap<string, ConfigEntry>;

/** "file": not readable; "syntax": breaks the grammar; "value": of the wrong type or out of range. */
export type ConfigErrorKind = "file" | "syntax" | "value";

/** A configuration that cannot be used. The message is `FILE:LINE: WHAT` for a wrong syntax, `FILE: WHAT` for a wrong value. */
export class ConfigError extends Error {
  override name = "ConfigError";
  constructor(
    readonly kind: ConfigErrorKind,
    readonly file: string,
    readonly line: number | undefined,
    readonly what: string,
  ) {
    super({ file: what, syntax: `${file}:${line}: ${what}`, value: `${file}: ${what}` }[kind]);
  }
}

const NAME_START = /[A-Za-z]/;
const NAME = /[A-Za-z0-9_]/;
const DIGIT = /[0-9]/;
const LINE_END = /[\r\n]/g;
const TRIPLE = '"""';

class Scanner {
  line = 1;
  #at = 0;

  constructor(private readonly text: string, private readonly file: string) {}

  get atEnd(): boolean {
    return this.#at >= this.text.length;
  }

  get #char(): string {
    return this.text.charAt(this.#at);
  }

  #is(char: string): boolean {
    return this.#char === char;
  }

  #next(count = 1): void {
    for (; count > 0; count--) if (this.text[this.#at++] === "\n") this.line++;
  }

  #while(test: (char: string) => boolean): string {
    const start = this.#at;
    while (!this.atEnd && test(this.#char)) this.#next();
    return this.text.slice(start, this.#at);
  }

  #fail(what: string): never {
    throw new ConfigError("syntax", this.file, this.line, what);
  }

  #blanks(): void {
    this.#while((char) => char === " " || char === "\t");
  }

  #blanksAndLineEnds(): void {
    this.#while((char) => char === " " || char === "\t" || isLineEnd(char));
  }

  /** In one step, since most of a configuration file is comments. */
  #toLineEnd(): void {
    LINE_END.lastIndex = this.#at;
    this.#at = LINE_END.exec(this.text)?.index ?? this.text.length;
  }

  /** To the next line that has something in it. */
  skipLine(): void {
    this.#toLineEnd();
    this.#blanksAndLineEnds();
  }

  /** The next statement; undefined for a comment. Throws ConfigError. */
  statement(): ConfigEntry | undefined {
    this.#blanksAndLineEnds();
    if (this.#is("#")) {
      this.skipLine();
      return undefined;
    }
    if (!NAME_START.test(this.#char)) this.#fail("expecting a name");
    const line = this.line;
    const key = this.#while((char) => NAME.test(char));
    this.#blanks();
    if (!this.#is("=")) this.#fail("expecting an assignment");
    this.#next();
    const value = this.#value();
    this.#separator();
    return { key, value, line };
  }

  #separator(): void {
    this.#blanks();
    if (this.#is("#")) this.#toLineEnd();
    if (this.atEnd) return;
    if (this.#is(";")) this.#next();
    else if (!isLineEnd(this.#char)) this.#fail("expecting a separator");
    this.#blanksAndLineEnds();
  }

  #value(): ConfigValue {
    this.#blanks();
    const char = this.#char;
    if (char === '"' || char === "'") return { type: "string", value: this.#string() };
    if (char === "[") return { type: "list", items: this.#list() };
    if (DIGIT.test(char) || char === "-" || char === "+") return this.#integer();
    return this.#fail("expecting a value");
  }

  #integer(): ConfigValue {
    const negative = this.#is("-");
    if (negative || this.#is("+")) this.#next();
    const digits = this.#while((char) => DIGIT.test(char));
    if (digits === "") this.#fail("unterminated number");
    const value = BigInt.asIntN(64, negative ? -BigInt(digits) : BigInt(digits));
    return { type: "integer", value, negative };
  }

  #string(): string {
    // The original wants a seventh character behind the six quotes.
    const isLong = this.text.startsWith(TRIPLE, this.#at) && this.#at + 6 < this.text.length;
    if (isLong) return this.#longString();
    const quote = this.#char;
    this.#next();
    const value = this.#while((char) => char !== quote && !isLineEnd(char));
    if (!this.#is(quote)) this.#fail("unterminated string");
    this.#next();
    return value;
  }

  #longString(): string {
    this.#next(3);
    const end = this.text.indexOf(TRIPLE, this.#at);
    // Without an end, the original stops looking, and counting lines, where no three characters are left.
    const value = this.text.slice(this.#at, end < 0 ? -2 : end);
    this.#next(value.length);
    if (end < 0) this.#fail("unterminated string");
    this.#next(3);
    return value;
  }

  #list(): ConfigValue[] {
    const items: ConfigValue[] = [];
    const takeItem = (): void => {
      items.push(this.#value());
      this.#blanksAndLineEnds();
    };
    this.#next();
    this.#blanksAndLineEnds();
    if (!this.atEnd && !this.#is("]")) takeItem();
    while (!this.atEnd && !this.#is("]")) {
      if (!this.#is(",")) this.#fail("expecting a separator in list");
      this.#next();
      this.#blanksAndLineEnds();
      if (!this.#is("]")) takeItem();
    }
    if (!this.#is("]")) this.#fail("list is not closed with ]");
    this.#next();
    return items;
  }
}

function isLineEnd(char: string): boolean {
  return char === "\n" || char === "\r";
}

/** Every statement in order. After an error, goes on with the next line when `onError` returns. */
export function scanConfig(
  text: string,
  fileName: string,
  onError: (error: ConfigError) => void,
): ConfigEntry[] {
  const scanner = new Scanner(text, fileName);
  const entries: ConfigEntry[] = [];
  while (!scanner.atEnd) {
    try {
      const entry = scanner.statement();
      if (entry !== undefined) entries.push(entry);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      onError(error);
      scanner.skipLine();
    }
  }
  return entries;
}

/** Throws ConfigError of kind "syntax" for the first statement that breaks the grammar. */
export function parseConfig(text: string, fileName: string): ConfigTable {
  const entries = scanConfig(text, fileName, (error) => {
    throw error;
  });
  return firstDefinitions(entries);
}

/** By key; of a key that is set twice, the first definition. */
export function firstDefinitions(entries: readonly ConfigEntry[]): ConfigTable {
  return new Map(entries.toReversed().map((entry) => [entry.key, entry]));
}
