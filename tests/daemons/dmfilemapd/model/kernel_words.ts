/** How the kernel reads the words of a message: dm_split_args() of drivers/md/dm-table.c, and sscanf(). */

/** isspace() of lib/ctype.c, which takes bytes for Latin-1. */
const BLANKS = " \t\n\v\f\r\xa0";

/** Words parted by blanks; a backslash takes the next character as it is. */
export function splitWords(message: string): string[] {
  const words: string[] = [];
  for (let at = 0; at < message.length;) {
    if (BLANKS.includes(message[at])) {
      at++;
      continue;
    }
    let word = "";
    for (; at < message.length && !BLANKS.includes(message[at]); at++) {
      if (message[at] === "\\" && at + 1 < message.length) at++;
      word += message[at];
    }
    words.push(word);
  }
  return words;
}

/** `%d` or `%u`, the whole word. */
export function parseCount(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

/** `START+LENGTH` in sectors; nothing that is empty. */
export function parseRange(text: string): { start: number; end: number } | undefined {
  const match = /^(\d+)\+(\d+)$/.exec(text);
  if (match === null) return undefined;
  const start = Number(match[1]);
  const end = start + Number(match[2]);
  return start < end ? { start, end } : undefined;
}

/** `/AREAS` or sectors of an area. */
export function parseStep(text: string, length: number): number | undefined {
  const match = /^(\/?)(\d+)$/.exec(text);
  if (match === null || Number(match[2]) === 0) return undefined;
  return match[1] === "" ? Number(match[2]) : Math.ceil(length / Number(match[2]));
}

/** Ascending bounds, parted by commas. */
export function parseBounds(text: string): number[] | undefined {
  const bounds = text.split(",").map(parseCount);
  const isGood = bounds.every((bound, i) =>
    bound !== undefined && (i === 0 || bound > (bounds[i - 1] ?? 0))
  );
  return isGood ? bounds as number[] : undefined;
}
