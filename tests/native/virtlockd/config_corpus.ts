/** Configuration files that the C daemon and ours must read alike. */

import fc from "fast-check";

export interface ConfigCase {
  readonly name: string;
  readonly text: string;
}

const accepted = [
  ["an empty file", ""],
  ["one newline behind a comment", "# nothing\n"],
  ["a comment without a newline", "# nothing"],
  ["a comment behind a value", "max_clients = 5 # five\n"],
  ["a comment straight behind a value", "max_clients=5#five\n"],
  ["two statements on a line", "max_clients=5;admin_max_clients=6\n"],
  ["a semicolon at the end of a line", "max_clients=5;\n"],
  ["a semicolon at the end of the file", "max_clients=5;"],
  ["no newline at the end", "max_clients=5"],
  ["blanks at the end", "max_clients=5  \t"],
  ["newlines at the end", "max_clients=5\n\n\n"],
  ["blank lines between", "max_clients=5\n\n \t\nadmin_max_clients=6\n"],
  ["carriage returns", "max_clients=5\r\nadmin_max_clients=6\r\n"],
  ["a plus sign", "max_clients=+7\n"],
  ["zero", "max_clients=0\n"],
  ["leading zeros", "max_clients=007\n"],
  ["the largest unsigned integer", "max_clients=4294967295\n"],
  ["a number that wraps into range", "max_clients=18446744073709551617\n"],
  ["an unknown key", "unknown_key = 5\nother = 'x'\n"],
  ["an unknown key with a list", "unknown_key = [ 'a', 2, [ 'b' ], ]\n"],
  ["a list over lines", "unknown_key = [\n  'a',\n  'b'\n]\n"],
  ["an empty list", "unknown_key = []\n"],
  ["single quotes", "log_filters = '3:a'\n"],
  ["the other quote inside", "log_filters = '3:\"a'\n"],
  ["triple quotes", 'log_filters = """3:a"""\n'],
  ["triple quotes without a newline at the end", 'log_filters = """3:a"""'],
  ["triple quotes over lines", 'unknown_key = """a\nb\n"""\nmax_clients=5\n'],
  ["two empty strings", "log_filters = \"\"\nlog_outputs = ''\n"],
  ["a blank in front of the name", "  max_clients=5\n"],
  ["an underscore and digits in a name", "a_1_b2 = 1\n"],
  ["a comment with quotes", '# """ \' [\nmax_clients=5\n'],
  ["a first definition that is right", "max_clients=5\nmax_clients='x'\n"],
  ["log_level 0", "log_level=0\n"],
  ["a doubled separator of two kinds", "max_clients=5;\n\nadmin_max_clients=6\n"],
  ["blank lines behind a comment", "# a\n\n"],
] as const;

const rejected = [
  ["blanks only", "  \n"],
  ["one newline", "\n"],
  ["a number as the name", "5 = 5\n"],
  ["an underscore as the first letter", "_a = 5\n"],
  ["no assignment", "max_clients 5\n"],
  ["a name alone", "max_clients\n"],
  ["a name at the end of the file", "max_clients"],
  ["no value", "max_clients =\n"],
  ["no value at the end of the file", "max_clients ="],
  ["a bare word", "max_clients = five\n"],
  ["a comment for a value", "max_clients = # five\n"],
  ["two values", "max_clients = 5 6\n"],
  ["a hexadecimal number", "max_clients = 0x10\n"],
  ["a sign alone", "max_clients = -\n"],
  ["a sign and a word", "max_clients = +a\n"],
  ["an open string", 'log_filters = "3:a\n'],
  ["an open string at the end of the file", "log_filters = '3:a"],
  ["an open triple string", 'log_filters = """3:a\nb\n'],
  ["an open triple string with two quotes at the end", 'log_filters = """3:a""'],
  ["an open list", "unknown_key = [ 'a', 'b'\n"],
  ["an open list with a comma at the end", "unknown_key = [ 'a',\n"],
  ["an open list at its bracket", "unknown_key = ["],
  ["a list without a comma", "unknown_key = [ 'a' 'b' ]\n"],
  ["a list that begins with a comma", "unknown_key = [ , ]\n"],
  ["a list with two commas", "unknown_key = [ 'a',, ]\n"],
  ["a list with a comment inside", "unknown_key = [ 'a', # a\n 'b' ]\n"],
  ["a doubled semicolon", "max_clients=5;;admin_max_clients=6\n"],
  ["an error in line 4", "# one\nmax_clients=5\n\nadmin max=6\n"],
  ["an error behind a long string", 'unknown_key = """a\nb\nc"""\nmax\n'],
  ["an error behind a list over lines", "unknown_key = [\n1,\n2\n]\nmax\n"],
  ["a byte order mark", "\ufeffmax_clients=5\n"],
  ["a non-ASCII name", "mäx = 5\n"],
  ["a form feed", "max_clients=5\n\fadmin_max_clients=6\n"],
  ["an escaped quote", 'log_filters = "3:a\\""\n'],
  ["a negative number", "max_clients=-5\n"],
  ["minus zero", "max_clients=-0\n"],
  ["a string for a number", 'max_clients="5"\n'],
  ["a list for a number", "max_clients=[5]\n"],
  ["a number for a string", "log_filters = 5\n"],
  ["a list for a string", "log_outputs = [ '3:stderr' ]\n"],
  ["a number that is too large", "max_clients=4294967296\n"],
  ["a number that wraps into the negative", "max_clients=9223372036854775808\n"],
  ["two wrong keys", "max_clients='a'\nlog_level='b'\n"],
  ["a wrong second definition of a right first", "log_level=9\nlog_level=1\n"],
  ["log_level out of range", "log_level=5\n"],
  ["a string's exact text", "log_outputs = 'a\tb\"c'\n"],
  ["a triple string's exact text", 'log_outputs = """a"b\'c"""\n'],
  ["a triple string with a line break in it", 'log_outputs = """a\nb"""\n'],
  ["triple single quotes", "log_filters = '''x'''\n"],
  ["five quotes", 'log_filters = """""\n'],
  ["six quotes and no more", 'log_filters = """"""'],
  ["six quotes and a newline", 'log_filters = """"""\n'],
  ["six quotes and a statement", 'log_filters = """"""\nmax\n'],
  ["seven quotes", 'log_filters = """""""\n'],
] as const;

function cases(list: readonly (readonly [string, string])[]): ConfigCase[] {
  return list.map(([name, text]) => ({ name, text }));
}

const keys = ["max_clients", "log_level", "log_filters", "log_outputs", "other", "x_1"];
const values = [
  ...["1", "+42", "-7", "4294967296", "'3:a'", '"4:b"', '"""5:c\nd"""', "''", '""""""', "ü"],
  ...["[]", "[1]", "[ 'a' ,\n2, ]", "[[1],[2,'b']]"],
];
const assignments = ["=", " = ", "\t=  "];
const separators = ["\n", "\n", "\r\n", ";", " ; ", " # c\n", "\n\n# c\n", "  "];
/** What is put into a right file in one place, in the stead of up to three characters. */
const slips = [
  "",
  "",
  "=",
  ";",
  "#",
  ",",
  "[",
  "]",
  "'",
  '"',
  '"""',
  "-",
  "_",
  " ",
  "\n",
  "\r",
  "9",
  "a",
];

/** Files of one to four statements with at most one slip in them; the same ones for a seed. */
export function randomConfigs(seed: number, count: number): string[] {
  const one = (list: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...list);
  const statement = fc.tuple(one(keys), one(assignments), one(values), one(separators));
  const file = fc.array(statement, { minLength: 1, maxLength: 4 });
  const slip = fc.tuple(one(slips), fc.nat(999), fc.nat(3));
  const texts = fc.tuple(file, slip).map(([statements, [piece, place, length]]) => {
    const text = statements.flat().join("");
    const at = Math.floor(place * text.length / 1_000);
    return text.slice(0, at) + piece + text.slice(at + length);
  });
  return fc.sample(fc.noBias(texts), { seed, numRuns: count });
}

export const configCases: readonly ConfigCase[] = [
  ...cases(accepted),
  ...cases(rejected),
];
