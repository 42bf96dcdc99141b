/** What the documents link to is there. */
import { assertEquals } from "@std/assert";
import { walk } from "@std/fs";
import { dirname, join, relative } from "@std/path";
import { daemonNames } from "../../tasks/daemons.ts";
import { exists, root } from "../../tasks/toolchain.ts";

const skipped = [/\/(dist|node_modules|\.git)$/];

/** As it is made of a heading: GitHub's rule, for the characters that ours have. */
function anchor(heading: string): string {
  return heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

async function anchors(path: string): Promise<string[]> {
  return [...(await Deno.readTextFile(path)).matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
    anchor(text)
  );
}

async function isThere(from: string, link: string): Promise<boolean> {
  const [path, fragment] = link.split("#");
  const target = path === "" ? from : join(dirname(from), path);
  if (!await exists(target)) return false;
  return fragment === undefined || (await anchors(target)).includes(fragment);
}

Deno.test("every link between the documents leads to a file, and to a heading that it has", async () => {
  const broken: string[] = [];
  let count = 0;
  for await (const { path } of walk(root, { exts: [".md"], skip: skipped, includeDirs: false })) {
    const text = (await Deno.readTextFile(path)).replaceAll(/^( {4}|```)[^]*?(?=\n)/gm, "");
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      count++;
      if (!await isThere(path, link)) broken.push(`${relative(root, path)}: ${link}`);
    }
  }
  assertEquals([broken, count > 30], [[], true]);
});

Deno.test("every daemon has a page for those who come from the C daemon, with both ways", async () => {
  for (const name of await daemonNames()) {
    const path = join(root, "docs/coming-from-c", `${name}.md`);
    const headings = await anchors(path);
    const wanted = ["what-stays", "before", "switch-over", "switch-back", "what-you-will-notice"];
    assertEquals(wanted.filter((heading) => !headings.includes(heading)), [], name);
  }
});
