/** Shows that each house rule finds what it is there to find, and leaves alone what it should. */
import { assertEquals } from "@std/assert";
import { distribution, fileLength, functionLength } from "./budgets.ts";
import { circles } from "./circles.ts";
import { denoOnlyForFfi, pure, synchronous, typesOnly } from "./code_rules.ts";
import { layerViolation } from "./layers.ts";
import { noMachinePaths, noReminders, noTabs, pinnedDenoOnly } from "./text_rules.ts";
import { isPure, type Rule, type SourceFile } from "./tree.ts";

function file(text: string, path = "src/host/sample.ts"): SourceFile {
  return { path, text };
}

/** Asserts that `rule` has one thing, and the named one, against each of `bad`, and nothing against any of `good`. */
function assertRule(rule: Rule, bad: Record<string, string>, good: readonly string[]): void {
  for (const [text, found] of Object.entries(bad)) assertEquals(rule(file(text)), [found], text);
  for (const text of good) assertEquals(rule(file(text)), [], text);
}

Deno.test("synchronous finds async, await, promises, timers and dynamic imports", () => {
  assertRule(synchronous, {
    "async function f() {}": "line 1 uses async",
    "const f =\n async () => 1;": "line 2 uses async",
    "await x;": "line 1 uses await",
    "for await (const x of y) {}": "line 1 uses await",
    "new Promise(() => {});": "line 1 uses Promise",
    "function f(): Promise<void> {}": "line 1 uses Promise",
    "setTimeout(f, 0);": "line 1 uses setTimeout",
    "globalThis.setInterval(f, 0);": "line 1 uses setInterval",
    "queueMicrotask(f);": "line 1 uses queueMicrotask",
    'import("./x.ts");': "line 1 uses import()",
  }, ['import { a } from "./x.ts";', "// await a Promise", "reactor.after(10, f);", '"async"']);
});

Deno.test("denoOnlyForFfi finds I/O everywhere and dlopen outside ffi/", () => {
  assertRule(denoOnlyForFfi, {
    'Deno.readFileSync("x");': "line 1 uses Deno.readFileSync",
    'Deno.dlopen("x", {});': "line 1 uses Deno.dlopen",
    'Deno.addSignalListener("SIGHUP", f);': "line 1 uses Deno.addSignalListener",
    "Deno.UnsafePointer.of(x);": "line 1 uses Deno.UnsafePointer",
    "const d = Deno;": "line 1 uses Deno",
    "Deno[name]();": "line 1 uses Deno",
    "globalThis.Deno.kill(1);": "line 1 uses Deno.kill",
  }, ["Deno.exit(1);", "let p: Deno.PointerValue;", "Deno.build.arch;"]);
  assertEquals(denoOnlyForFfi(file('Deno.dlopen("x", {});', "ffi/open.ts")), []);
  assertEquals(denoOnlyForFfi(file('Deno.openSync("x");', "ffi/open.ts")).length, 1);
});

Deno.test("pure finds I/O, clock, randomness and logging", () => {
  assertRule(pure, {
    "console.log(1);": "line 1 uses console.log",
    "Math.random();": "line 1 uses Math.random",
    "crypto.getRandomValues(x);": "line 1 uses crypto.getRandomValues",
    "performance.now();": "line 1 uses performance.now",
    "Date.now();": "line 1 uses Date.now",
    "new Date();": "line 1 reads the clock",
    "Date();": "line 1 reads the clock",
    "Deno.build.arch;": "line 1 uses Deno.build",
    "globalThis[x];": "line 1 uses globalThis",
  }, [
    "Math.max(1, 2);",
    "new Date(ms).toISOString();",
    "function f(process: Process) { return process.pid; }",
    "const o = { process: 1 }; o.process;",
  ]);
});

Deno.test("typesOnly finds whatever is left when types are gone", () => {
  assertRule(typesOnly, {
    "export const x = 1;": "line 1 is more than a type",
    'import { A } from "./a.ts";': "line 1 is more than a type",
    "interface A {}\nenum B { C }": "line 2 is more than a type",
  }, ["export interface A {}", 'import type { A } from "./a.ts"; export type B = A;']);
});

Deno.test("isPure knows the pure rooms", () => {
  const paths = {
    "src/wire/xdr.ts": true,
    "daemons/x/protocol.ts": true,
    "daemons/x/manifest.ts": true,
    "daemons/x/effects.ts": false,
    "daemons/x/effects/lease.ts": false,
    "daemons/x/main.ts": false,
    "daemons/x/effects_table.ts": true,
    "src/host/log.ts": false,
    "ffi/libc.ts": false,
  };
  for (const [path, expected] of Object.entries(paths)) assertEquals(isPure(path), expected, path);
});

Deno.test("layerViolation finds imports that go up, across or out", () => {
  const bad: [string, string][] = [
    ["src/wire/xdr.ts", "ffi/errno.ts"],
    ["src/wire/xdr.ts", "npm:@logtape/logtape"],
    ["ffi/libc.ts", "src/host/log.ts"],
    ["src/host/log.ts", "daemons/a/machine.ts"],
    ["src/host/log.ts", "tasks/toolchain.ts"],
    ["src/host/log.ts", "npm:fast-check"],
    ["src/host/log.ts", "node:fs"],
    ["daemons/a/machine.ts", "src/host/log.ts"],
    ["daemons/a/machine.ts", "daemons/a/effects.ts"],
    ["daemons/a/machine.ts", "node:util"],
    ["daemons/a/protocol.ts", "ffi/errno.ts"],
    ["daemons/a/manifest.ts", "src/host/log.ts"],
    ["src/wire/xdr.ts", "src/host/manifest.ts"],
    ["daemons/a/effects.ts", "daemons/b/protocol.ts"],
    ["daemons/a/effects.ts", "daemons/a/main.ts"],
  ];
  for (const [from, to] of bad) assertEquals(typeof layerViolation({ from, to }), "string", to);
});

Deno.test("layerViolation leaves imports alone that go down", () => {
  const good: [string, string][] = [
    ["ffi/libc.ts", "src/wire/layout.ts"],
    ["src/host/log.ts", "ffi/libc.ts"],
    ["src/host/log.ts", "npm:@logtape/logtape"],
    ["src/host/version.ts", "deno.json"],
    ["daemons/a/machine.ts", "daemons/a/protocol.ts"],
    ["daemons/a/machine.ts", "npm:valibot"],
    ["daemons/a/manifest.ts", "src/host/manifest.ts"],
    ["daemons/a/syscalls.ts", "src/host/manifest.ts"],
    ["daemons/a/effects/x.ts", "daemons/a/machine.ts"],
    ["daemons/a/effects.ts", "ffi/libc.ts"],
    ["daemons/a/main.ts", "daemons/a/effects.ts"],
  ];
  for (const [from, to] of good) assertEquals(layerViolation({ from, to }), undefined, to);
});

Deno.test("fileLength allows 400 lines, and 40 for main.ts", () => {
  const lines = (count: number): string => "x;\n".repeat(count);
  assertEquals(fileLength(file(lines(400))), []);
  assertEquals(fileLength(file(lines(401))), ["401 lines, over 400"]);
  assertEquals(fileLength(file(lines(40), "daemons/x/main.ts")), []);
  assertEquals(fileLength(file(lines(41), "daemons/x/main.ts")), ["41 lines, over 40"]);
});

Deno.test("functionLength allows 70 lines in functions of every kind", () => {
  const block = (statements: number): string => `{\n${"x;\n".repeat(statements)}}`;
  const kinds = [
    (body: string) => `function f() ${body}`,
    (body: string) => `const f = () => ${body};`,
    (body: string) => `class C { m() ${body} }`,
    (body: string) => `class C { constructor() ${body} }`,
    (body: string) => `const o = { get x() ${body} };`,
    (body: string) => `/** words */\nfunction f() ${body}`,
  ];
  for (const kind of kinds) {
    assertEquals(functionLength(file(kind(block(68)))), []);
    assertEquals(functionLength(file(kind(block(69)))).length, 1, kind(block(0)));
  }
});

Deno.test("distribution finds a long median of files and functions", () => {
  const long = `function f() {\n${"x;\n".repeat(50)}}\n`.repeat(3);
  assertEquals(distribution("sample", [file(long)]), [
    "sample: median file has 156 lines, over 150",
    "sample: median function has 52 lines, over 10",
    "sample: p90 function has 52 lines, over 40",
  ]);
  assertEquals(distribution("sample", [file("function f() {}\n")]), []);
});

Deno.test("the text rules find reminders, tabs, machine paths, registries and other Denos", () => {
  const slash = "/";
  const reminder = "TO" + "DO";
  const other = ["deno", "2.7.1"].join("@");
  assertRule(noReminders, { [`x;\n// ${reminder}: y`]: "line 2 has a reminder" }, ["todos", "x"]);
  assertRule(noTabs, { "\tx": "line 1 has a tab" }, ["  x", '"\\t"']);
  assertRule(noMachinePaths, {
    [`"${slash}root/x"`]: "line 1 has a path of one machine",
    [`cd ${slash}work/main`]: "line 1 has a path of one machine",
    [`https:${slash}/registry.npmjs.org/x`]: "line 1 has the host of a registry",
  }, ["/proc/1/root/srv", "src/root/x", "https://www.kernel.org/doc"]);
  assertRule(pinnedDenoOnly, { [`npx ${other}`]: `${other}, but 2.7.11 is pinned` }, [
    "npx --yes deno@2.7.11 task",
  ]);
});

Deno.test("circles finds files that import each other, straight or not, and leaves their neighbours alone", () => {
  const imports = ["a>b", "b>c", "c>d", "b>d"].map((pair) => pair.split(">"))
    .map(([from, to]) => ({ from, to }));
  assertEquals(circles(imports), []);
  const back = { from: "c", to: "b" };
  assertEquals(circles([...imports, back]), ["b imports c", "c imports b"]);
  const around = { from: "d", to: "b" };
  assertEquals(circles([...imports, around]).toSorted(), [
    "b imports c",
    "b imports d",
    "c imports d",
    "d imports b",
  ]);
});
