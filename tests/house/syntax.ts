/** Just enough of TypeScript's own parser to look at code by its structure. */
import ts from "typescript";
import type { SourceFile } from "./tree.ts";

export { ts };

const parsed = new WeakMap<SourceFile, ts.SourceFile>();

/** Parses a file, once; its nodes know their parents. */
export function parse(file: SourceFile): ts.SourceFile {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest, true);
  parsed.set(file, source);
  return source;
}

/** Every node below `node`, itself included, in the order of the text. */
export function* nodes(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of childrenOf(node)) yield* nodes(child);
}

function childrenOf(node: ts.Node): ts.Node[] {
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    children.push(child);
  });
  return children;
}

/** `line N`, counted from 1. */
export function lineOf(node: ts.Node): string {
  const { line } = node.getSourceFile().getLineAndCharacterOfPosition(node.getStart());
  return `line ${line + 1}`;
}

/** Whether the node stands in a type, where a name costs and does nothing. */
export function inType(node: ts.Node): boolean {
  return ts.findAncestor(node, ts.isTypeNode) !== undefined;
}
