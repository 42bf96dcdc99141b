/** Holds the house rules over the whole checkout. tests/house/ has the rules, and shows for each that it can fail. */
import { assertEquals } from "@std/assert";
import { root } from "../tasks/toolchain.ts";
import { distribution, fileLength, functionLength, longTables } from "./house/budgets.ts";
import { circles } from "./house/circles.ts";
import { denoOnlyForFfi, pure, synchronous, typesOnly } from "./house/code_rules.ts";
import { importsOf, layerViolation, shapes } from "./house/layers.ts";
import { noMachinePaths, noReminders, noTabs, pinnedDenoOnly } from "./house/text_rules.ts";
import { isProduct, isPure, isTypeScript, readTree, violations } from "./house/tree.ts";

const tree = await readTree();
const code = tree.filter(isTypeScript);
const product = tree.filter(isProduct);

Deno.test("the checkout has code to hold rules over", () => {
  assertEquals(product.length > 0 && code.length > product.length, true);
});

Deno.test("the top-level folders are those of the plan", async () => {
  const plan = new Set([".ci", ".git", "daemons", "dist", "docs", "ffi", "src", "tasks", "tests"]);
  const folders: string[] = [];
  for await (const entry of Deno.readDir(root)) if (entry.isDirectory) folders.push(entry.name);
  assertEquals(folders.filter((name) => !plan.has(name)), []);
});

const daemons = new Set(product.flatMap(({ path }) => /^daemons\/[^/]+/.exec(path) ?? []));
const paths = new Set(tree.map(({ path }) => path));
const isBuilt = (daemon: string): boolean => paths.has(`${daemon}/manifest.ts`);

Deno.test("every daemon that is built has main.ts, manifest.ts and DESIGN.md", () => {
  const files = ["main.ts", "manifest.ts", "DESIGN.md"];
  const built = [...daemons].filter(isBuilt);
  const wanted = built.flatMap((daemon) => files.map((file) => `${daemon}/${file}`));
  assertEquals(built.length > 0, true);
  assertEquals(wanted.filter((path) => !paths.has(path)), []);
});

Deno.test("a daemon that is not built yet has nothing but pure code", () => {
  const rest = product.filter(({ path }) =>
    [...daemons].some((daemon) => path.startsWith(`${daemon}/`) && !isBuilt(daemon))
  );
  assertEquals(rest.filter(({ path }) => !isPure(path)).map(({ path }) => path), []);
});

Deno.test("imports of the daemons go down only, and never in a circle", async () => {
  const imports = await importsOf(product);
  assertEquals(imports.length > 0, true);
  assertEquals(imports.flatMap((one) => layerViolation(one) ?? []), []);
  assertEquals(circles(imports), []);
});

Deno.test("the modules that pure code may name for their types have nothing else", () => {
  const modules = product.filter(({ path }) => shapes.has(path));
  assertEquals(modules.length, shapes.size);
  assertEquals(violations(modules, typesOnly), []);
});

Deno.test("the daemons are synchronous", () => {
  assertEquals(violations(product, synchronous), []);
});

Deno.test("the daemons use Deno for FFI only, and only in ffi/", () => {
  assertEquals(violations(product, denoOnlyForFfi), []);
});

Deno.test("pure code has no I/O, clock, randomness or logging", () => {
  assertEquals(violations(product.filter(({ path }) => isPure(path)), pure), []);
});

Deno.test("no file is over its length, but for argued tables", () => {
  assertEquals(violations(code, fileLength), []);
});

Deno.test("no argued table is gone or has become short", () => {
  const long = new Set(
    code.filter((file) => file.text.split("\n").length > 400).map(({ path }) => path),
  );
  assertEquals(Object.keys(longTables).filter((path) => !long.has(path)), []);
});

Deno.test("no function is over its length", () => {
  assertEquals(violations(code, functionLength), []);
});

Deno.test("files and functions are mostly short", () => {
  const support = code.filter((file) => !isProduct(file));
  assertEquals(
    [...distribution("daemons", product), ...distribution("tasks and tests", support)],
    [],
  );
});

Deno.test("no file keeps a reminder, a tab, a machine's path or a registry's host", () => {
  const rules = [noReminders, noTabs, noMachinePaths];
  assertEquals(rules.flatMap((rule) => violations(tree, rule)), []);
});

Deno.test("every version of Deno that is named is the pinned one", () => {
  assertEquals(violations(tree, pinnedDenoOnly), []);
});

Deno.test("every task of deno.json leads to a file that is there", () => {
  const paths = new Set(tree.map(({ path }) => path));
  const config = JSON.parse(tree.find(({ path }) => path === "deno.json")?.text ?? "{}");
  const files = Object.values<string>(config.tasks).map((command) =>
    /tasks\/\S+\.ts/.exec(command)?.[0]
  );
  assertEquals(files.filter((path) => path === undefined || !paths.has(path)), []);
});
