/** Text tables for people: left-aligned columns, two blanks apart, one row a line. */
import { printable } from "./printable.ts";

/** `rows` have a cell for each title. The last column is not padded. */
export function formatTable(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const lines = [titles, ...rows].map((row) => row.map(printable));
  const widths = titles.map((_, i) => Math.max(...lines.map((line) => characters(line[i]))));
  return lines.map((line) =>
    line.map((cell, i) => cell + " ".repeat(widths[i] - characters(cell))).join("  ").trimEnd() +
    "\n"
  ).join("");
}

function characters(text: string): number {
  return [...text].length;
}
