/**
 * Which categories a log filter is for. No regular expression: clients may set filters, of megabytes, and a few stars in a row would
 * keep one busy for hours.
 */

/**
 * Whether a text has something in it that matches the pattern: `*` is anything, `?` one character. After a mismatch only the last star
 * takes one character more, so that the time is at most the product of the two lengths.
 */
export function isMatched(text: string, pattern: string): boolean {
  const whole = `*${pattern}*`;
  let [at, from, star, taken] = [0, 0, 0, 0];
  while (at < text.length) {
    if (whole[from] === "*") [star, taken, from] = [from, at, from + 1];
    else if (whole[from] === "?" || whole[from] === text[at]) [at, from] = [at + 1, from + 1];
    else [at, from, taken] = [taken + 1, star + 1, taken + 1];
  }
  while (whole[from] === "*") from++;
  return from === whole.length;
}
