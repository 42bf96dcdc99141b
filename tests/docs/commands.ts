/** The commands of a page of documentation, as its reader would type them. */

/**
 * What stands indented under the heading of a section, a line each but for those that end with a backslash, without the remarks behind
 * them. Throws where there is no such section.
 */
export function commandsIn(page: string, heading: string): string[] {
  const section = page.split(/^## /m).find((one) => one.startsWith(`${heading}\n`));
  if (section === undefined) throw new Error(`the page has no section "${heading}"`);
  const indented = [...section.matchAll(/^ {4}(.*\n)/gm)].map(([, line]) => line).join("");
  const lines = indented.replaceAll(/\\\n\s*/g, "").split("\n");
  return lines.map((line) => line.replace(/\s+# .*$/, "")).filter((line) => line !== "");
}
