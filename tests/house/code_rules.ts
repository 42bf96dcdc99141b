/** What code of the daemons may not use: asynchrony, Deno's own I/O, and, where it is pure, the world outside. */
import { inType, lineOf, nodes, parse, ts } from "./syntax.ts";
import type { SourceFile } from "./tree.ts";

/** Names that give work to an event loop, which a daemon sitting in epoll_wait never gets back to. */
const asynchronous = new Set([
  "Promise",
  "queueMicrotask",
  "requestAnimationFrame",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

/** Nothing of a daemon waits for a promise, a Deno timer or a dynamic import. */
export function synchronous(file: SourceFile): string[] {
  const found: string[] = [];
  for (const node of nodes(parse(file))) {
    const what = asynchronousName(node);
    if (what !== undefined) found.push(`${lineOf(node)} uses ${what}`);
  }
  return found;
}

function asynchronousName(node: ts.Node): string | undefined {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return "async";
  if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) return "await";
  if (node.kind === ts.SyntaxKind.ImportKeyword && ts.isCallExpression(node.parent)) {
    return "import()";
  }
  if (!ts.isIdentifier(node) || ts.isPropertyAssignment(node.parent)) return undefined;
  return asynchronous.has(node.text) ? node.text : undefined;
}

/** What Deno tells of the process, and the way out of it. */
const ambient = new Set(["args", "build", "execPath", "exit", "mainModule", "pid", "version"]);

/** What opens libraries and reaches their memory. */
const foreign = new Set([
  "dlopen",
  "UnsafeCallback",
  "UnsafeFnPointer",
  "UnsafePointer",
  "UnsafePointerView",
]);

/** Of Deno's API, the daemons use what does no I/O; only ffi/ opens libraries. */
export function denoOnlyForFfi(file: SourceFile): string[] {
  const allowed = file.path.startsWith("ffi/") ? ambient.union(foreign) : ambient;
  return usesOf("Deno", file).filter(({ member }) => !allowed.has(member)).map(({ shown }) =>
    shown
  );
}

/** Objects through which code learns of, or touches, the world outside. */
const worldly = ["Deno", "console", "crypto", "globalThis", "performance", "process"];

/** Pure code has no I/O, clock, randomness or logging. */
export function pure(file: SourceFile): string[] {
  const random = usesOf("Math", file).filter(({ member }) => member === "random");
  const found = [...worldly.flatMap((name) => usesOf(name, file)), ...random];
  return [...found.map(({ shown }) => shown), ...readsClock(file)];
}

/** `new Date(ms)` is arithmetic; `Date.now()`, `new Date()` and `Date()` read the clock. */
function readsClock(file: SourceFile): string[] {
  const found = usesOf("Date", file)
    .filter(({ member }) => member === "now")
    .map(({ shown }) => shown);
  for (const node of nodes(parse(file))) {
    const called = ts.isNewExpression(node) || ts.isCallExpression(node);
    const bare = called && (node.arguments ?? []).length === 0;
    if (bare && node.expression.getText() === "Date") found.push(`${lineOf(node)} reads the clock`);
  }
  return found;
}

/** A module of types leaves nothing behind when it is compiled. */
export function typesOnly(file: SourceFile): string[] {
  return parse(file).statements.filter((statement) => !isErased(statement)).map((statement) =>
    `${lineOf(statement)} is more than a type`
  );
}

function isErased(statement: ts.Statement): boolean {
  if (ts.isImportDeclaration(statement)) return statement.importClause?.isTypeOnly === true;
  if (ts.isExportDeclaration(statement)) return statement.isTypeOnly;
  return ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
}

interface Use {
  /** The member of the global that is used; "" where it is used as a whole. */
  readonly member: string;
  readonly shown: string;
}

/** Where a file uses the global `name` as a value. A name that the file declares is its own. */
function usesOf(name: string, file: SourceFile): Use[] {
  const identifiers = [...nodes(parse(file))].filter((node): node is ts.Identifier =>
    ts.isIdentifier(node) && node.text === name
  );
  if (identifiers.some(isDeclared)) return [];
  return identifiers.filter((node) => !inType(node) && !isOtherName(node)).map((node) => {
    const member = memberUsed(node);
    return { member, shown: `${lineOf(node)} uses ${member === "" ? name : `${name}.${member}`}` };
  });
}

function memberUsed({ parent, text }: ts.Identifier): string {
  if (!ts.isPropertyAccessExpression(parent)) return "";
  if (parent.name.text !== text) return parent.name.text;
  const whole = parent.parent; // globalThis.NAME, or its member
  return ts.isPropertyAccessExpression(whole) ? whole.name.text : "";
}

function isDeclared({ parent, text }: ts.Identifier): boolean {
  const binds = ts.isVariableDeclaration(parent) || ts.isParameter(parent) ||
    ts.isFunctionDeclaration(parent) || ts.isImportSpecifier(parent);
  return binds && parent.name?.getText() === text;
}

/** Whether the identifier names a member of something else: `x.process`, `{ process: 1 }`. */
function isOtherName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) {
    return parent.name === node && parent.expression.getText() !== "globalThis";
  }
  return (ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) ||
    ts.isPropertyDeclaration(parent) || ts.isMethodDeclaration(parent)) && parent.name === node;
}
