/** How long files and functions may be. */
import { lineOf, nodes, parse, ts } from "./syntax.ts";
import { isTypeScript, type SourceFile } from "./tree.ts";

const fileLines = { median: 150, most: 400, main: 40 };
const functionLines = { median: 10, p90: 40, most: 70 };

/** Tables that are longer than a file may be, with the reason why each is one. */
export const longTables: Readonly<Record<string, string>> = {};

/** No file over the limit but argued tables, and main.ts is wiring only. */
export function fileLength(file: SourceFile): string[] {
  const lines = countLines(file);
  const most = /^daemons\/[^/]+\/main\.ts$/.test(file.path) ? fileLines.main : fileLines.most;
  return lines <= most || file.path in longTables ? [] : [`${lines} lines, over ${most}`];
}

/** No function over the limit. */
export function functionLength(file: SourceFile): string[] {
  return functionsOf(file)
    .filter(({ lines }) => lines > functionLines.most)
    .map(({ lines, at }) =>
      `${at} begins a function of ${lines} lines, over ${functionLines.most}`
    );
}

/** What the files are like together: `where` names them. */
export function distribution(where: string, files: readonly SourceFile[]): string[] {
  const code = files.filter(isTypeScript);
  const ofFiles = code.map(countLines);
  const ofFunctions = code.flatMap((file) => functionsOf(file).map(({ lines }) => lines));
  return [
    ...over(`${where}: median file`, quantile(ofFiles, 0.5), fileLines.median),
    ...over(`${where}: median function`, quantile(ofFunctions, 0.5), functionLines.median),
    ...over(`${where}: p90 function`, quantile(ofFunctions, 0.9), functionLines.p90),
  ];
}

function over(what: string, lines: number, most: number): string[] {
  return lines > most ? [`${what} has ${lines} lines, over ${most}`] : [];
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

function countLines({ text }: SourceFile): number {
  return text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
}

/** Functions that have a body of statements, without the comments before them; one within another counts in both. */
function functionsOf(file: SourceFile): { lines: number; at: string }[] {
  const source = parse(file);
  const line = (position: number): number => source.getLineAndCharacterOfPosition(position).line;
  return [...nodes(source)].filter(hasBlock).map((node) => ({
    lines: line(node.getEnd()) - line(node.getStart()) + 1,
    at: lineOf(node),
  }));
}

function hasBlock(node: ts.Node): boolean {
  const { body } = node as { body?: ts.Node };
  return ts.isFunctionLike(node) && body !== undefined && ts.isBlock(body);
}
