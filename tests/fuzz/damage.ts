/** Damage to texts. */
import type { Random } from "./random.ts";

/** Numbers at which parsers and kernels change their mind. */
export const TELLING_NUMBERS = [
  ...["0", "1", "2", "9", "10", "4294967295", "4294967296", "4294967299", "9007199254740993"],
  ...["9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616"],
  ...[
    "99999999999999999999",
    "999999999999999999999",
    "-1",
    "+1",
    "00",
    "007",
    "0x10",
    "1e3",
    "1.5",
    "",
  ],
];
/** Characters that mean something somewhere, and some that should not. */
const CHARACTERS = '0123456789+-:,#/\\" \t\n\r\v\f\0\xa0=_abcdmsDGMSxyz\xff\u2028é';

/** A text of such characters. */
export function nonsense(random: Random, length: number): string {
  let text = "";
  for (let i = random.small(length); i > 0; i--) {
    text += CHARACTERS[random.below(CHARACTERS.length)];
  }
  return text;
}

const DAMAGES: readonly ((random: Random, text: string) => string)[] = [
  (random, text) => text.slice(0, random.below(text.length + 1)),
  (random, text) => text.slice(random.below(text.length + 1)),
  (random, text) => replaced(random, text, 1, nonsense(random, 3)),
  (random, text) => replaced(random, text, random.small(8), ""),
  (random, text) => replaced(random, text, 0, text.slice(random.below(text.length + 1))),
  (random, text) => replacedNumber(random, text),
  (random, text) => replacedNumber(random, text),
];

function replaced(random: Random, text: string, count: number, by: string): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + by + text.slice(at + count);
}

/** Another number where there is one. */
function replacedNumber(random: Random, text: string): string {
  const from = text.slice(random.below(text.length + 1)).search(/\d/);
  if (from < 0) return text;
  return text.slice(0, from) + random.pick(TELLING_NUMBERS) + text.slice(from).replace(/^\d+/, "");
}

/** The text, damaged a few times or, every third time, as it is. */
export function damaged(random: Random, text: string): string {
  let result = text;
  for (let left = random.small(3); left > 0; left--) result = random.pick(DAMAGES)(random, result);
  return result;
}
