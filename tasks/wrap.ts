/** Breaking text into lines, for what the tasks derive from manifests. */

/** Lines of at most `width` characters; a longer word stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((word) => word !== "")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}

/** Sentences of a text: each begins with a capital or a digit behind a full stop. */
export function sentences(text: string): string[] {
  return text.split(/(?<=[.?!]) +(?=[A-Z0-9])/);
}
