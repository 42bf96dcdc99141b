import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { daemonNames, loadManifest } from "../../tasks/daemons.ts";
import { fillManPage, manPageName, manPagePath, type Section, SECTIONS } from "../../tasks/man.ts";
import { run } from "../../tasks/toolchain.ts";
import { sentences, wrap } from "../../tasks/wrap.ts";
import { inFolder, testWith } from "./needs.ts";

const names = await daemonNames();
const [first] = names;

const pages = names.flatMap((name) => SECTIONS.map((section) => ({ name, section })));

async function page(name: string, section: Section = 8): Promise<string> {
  return await Deno.readTextFile(manPagePath(name, section));
}

Deno.test("the tables of every man page are up to date with the manifest", async () => {
  for (const { name, section } of pages) {
    const text = await page(name, section);
    assertEquals(fillManPage(text, await loadManifest(name), section), text);
  }
});

Deno.test("every man page has examples and says how the original differs", async () => {
  for (const { name, section } of pages) {
    const headings = [...(await page(name, section)).matchAll(/^\.Sh (.*)$/gm)].map(([, one]) =>
      one
    );
    const missing = ["EXAMPLES", "DIFFERENCES"].filter((heading) => !headings.includes(heading));
    assertEquals(missing, [], manPageName(name, section));
  }
});

const ABSENT = /mandoc\.db lacks|referenced manual not found/;

/** What mandoc says about a page, but for references to pages that are not installed on this machine. */
async function lint(path: string): Promise<string[]> {
  const { output } = await run("mandoc", ["-Tlint", path]);
  return output.split("\n").filter((line) => line !== "" && !ABSENT.test(line));
}

await testWith(["mandoc"], "mandoc finds no fault with any man page", async () => {
  for (const { name, section } of pages) {
    assertEquals(await lint(manPagePath(name, section)), []);
  }
});

await testWith(["mandoc"], "mandoc finds a fault that is there", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "bad.8");
    await Deno.writeTextFile(path, `${await page(first)}.Bogus macro\n`);
    const [fault] = await lint(path);
    assertStringIncludes(fault, "Bogus");
  });
});

/** As it is shown, on one line. */
async function rendered(path: string): Promise<string> {
  const { output } = await run("mandoc", ["-Tascii", "-O", "width=900", path]);
  // Bold and underlined characters are overstruck: the character, a backspace, the character again.
  // deno-lint-ignore no-control-regex -- it is what mandoc writes
  return output.replace(/.\x08/g, "").replace(/\s+/g, " ");
}

await testWith(["mandoc"], "rendered man pages name everything in the manifest", async () => {
  for (const name of names) {
    const [configuration, text] = [
      await rendered(manPagePath(name, 5)),
      await rendered(manPagePath(name)),
    ];
    const { options, configKeys, files, capabilities, environment } = await loadManifest(name);
    for (const option of options) assertStringIncludes(text, `--${option.long}`);
    for (const key of configKeys) assertStringIncludes(configuration, `${key.name} =`);
    for (const file of files) assertStringIncludes(text, file.path);
    for (const capability of capabilities) assertStringIncludes(text, capability.name);
    for (const variable of environment) assertStringIncludes(text, variable.name);
  }
});

Deno.test("fillManPage puts the manifest's words into a stale page", async () => {
  const manifest = await loadManifest(first);
  const stale = (await page(first)).replaceAll(/^Show this help.*\n/gm, "");
  assertEquals(stale.includes("Show this help"), false);
  const words = { ...manifest.options[0], help: ".Say what C:\\e is. That's all." };
  const filled = fillManPage(stale, { ...manifest, options: [words] });
  assertStringIncludes(filled, "\n\\&.Say what C:\\ee is.\nThat's all.\n");
});

Deno.test("fillManPage refuses marks that are unknown, unfinished or missing", async () => {
  const manifest = await loadManifest(first);
  const text = await page(first);
  const options = '.\\" BEGIN options';
  const bad: [string, string][] = [
    [text.replace(options, '.\\" BEGIN nonsense'), 'table "nonsense" is unknown'],
    [text.replace('.\\" END options\n', ""), "out of place"],
    [text.replaceAll('.\\" END', '.\\" END of'), "out of place"],
    [text.replace(options + "\n", ""), "out of place"],
    [text.replace(/\.\\" BEGIN limits\n[^]*END limits\n/, ""), "no place for limits"],
    [`${text}${options}\n`, "there twice"],
  ];
  for (const [page, reason] of bad) assertThrows(() => fillManPage(page, manifest), Error, reason);
});

Deno.test("wrap keeps lines short and words whole", () => {
  assertEquals(wrap("a bb  ccc dddddddd e", 6), ["a bb", "ccc", "dddddddd", "e"]);
  assertEquals(wrap("", 6), []);
});

Deno.test("sentences ends one at a full stop before a capital", () => {
  assertEquals(sentences("One, e.g. this. Two? 3 is a number."), [
    "One, e.g. this.",
    "Two?",
    "3 is a number.",
  ]);
});
