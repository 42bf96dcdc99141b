/** Files that import each other, straight or by way of others: neither can be read, tested or moved without the other. */
import type { Import } from "./layers.ts";

/** The imports that are part of a circle or lie between two circles, `FROM imports TO`; types count as values do. */
export function circles(imports: readonly Import[]): string[] {
  let left = imports;
  for (;;) {
    const importing = new Set(left.map(({ from }) => from));
    const imported = new Set(left.map(({ to }) => to));
    const tied = left.filter(({ from, to }) => importing.has(to) && imported.has(from));
    if (tied.length === left.length) return tied.map(({ from, to }) => `${from} imports ${to}`);
    left = tied;
  }
}
