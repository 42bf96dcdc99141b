/** The messages of the daemons as the source has them, and as docs/troubleshooting.md does; `…` stands for what changes. */
import { walk } from "@std/fs";
import { join } from "@std/path";
import { root } from "../../tasks/toolchain.ts";

const LITERAL = /"((?:[^"\\\n]|\\.)*)"|'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g;

/** The text of a call such as `log.warn("…")`, `log[level]("…")` or `log(context, "warn", "…")`, or of an error that is logged. */
const LOGGED =
  /(?:\.(?:warn|error)\(|\[[\w.]*level\]\(|"(?:warn|error)",|new UnfitFileError\()\s*((["'`])(?:[^\\]|\\.)*?\2)/g;

/** `{name}`, `${expression}` and runs of blanks are made alike. */
function plain(text: string): string {
  return text.replace(/\$\{[^}]*\}|\{\w+\}/g, "…").replace(/\s+/g, " ").trim();
}

function literals(text: string): string[] {
  return [...text.matchAll(LITERAL)].map(([, a, b, c]) => plain(a ?? b ?? c));
}

export interface Source {
  /** Every string in the code below a folder. */
  readonly strings: ReadonlySet<string>;
  /** What is logged as a warning or an error. */
  readonly logged: ReadonlySet<string>;
}

/** Reads the code below a folder of the checkout. */
export async function readSource(folder: string): Promise<Source> {
  const strings = new Set<string>();
  const logged = new Set<string>();
  for await (const { path } of walk(join(root, folder), { exts: [".ts"], includeDirs: false })) {
    const text = (await Deno.readTextFile(path)).replace(/^\s*(\/\/|\/?\*).*$/gm, "")
      .replace(/"\s*\+\s*"/g, "");
    for (const literal of literals(text)) strings.add(literal);
    for (const [, call] of text.matchAll(LOGGED)) {
      const [message] = literals(call);
      if (/\w/.test(message)) logged.add(message);
    }
  }
  return { strings, logged };
}

/** The first column of the tables, by heading. */
export function documented(page: string): Map<string, string[]> {
  const sections = page.split(/^## /m).slice(1);
  return new Map(sections.map((section): [string, string[]] => {
    const rows = [...section.matchAll(/^\| `([^`]+)` /gm)].map(([, message]) => plain(message));
    return [section.slice(0, section.indexOf("\n")), rows];
  }));
}

/** Whether a documented message is a string of the source: `…` stands for anything. */
export function matches(message: string, literal: string): boolean {
  const parts = message.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(literal);
}
