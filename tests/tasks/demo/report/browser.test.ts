/** The report in a real browser. tests/golden/demo/recording.json is from a run of all five acts. */
import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { reportPage } from "../../../../tasks/demo/report/page.ts";
import type { Recording } from "../../../../tasks/demo/recording.ts";
import { Chromium, missingBrowser, type Screen } from "../browser/chromium.ts";
import { root } from "../../../../tasks/toolchain.ts";
import { inFolder } from "../../needs.ts";

const here = fromFileUrl(new URL(".", import.meta.url));
const script = await Deno.readTextFile(join(here, "../browser/measure.js"));
const recording: Recording = JSON.parse(
  await Deno.readTextFile(join(root, "tests/golden/demo/recording.json")),
);
const screens: readonly Screen[] = [400, 800, 1400].flatMap((width) =>
  (["light", "dark"] as const).map((scheme) => ({ width, height: 900, scheme }))
);

/** What look() of measure.js finds in a screenshot. */
interface Look {
  readonly colours: number;
  readonly brightness: number;
  readonly height: number;
}

async function lookAt(browser: Chromium, path: string, screen: Screen): Promise<Look> {
  await browser.show(path, screen);
  const image = await browser.screenshot();
  // The page's own policy would not let it look at an image.
  await browser.show("", screen);
  return await browser.evaluate(`${script}; look(${JSON.stringify(image)})`) as Look;
}

/** A test with the recording's page in a browser; skipped where there is none. */
function browserTest(
  name: string,
  body: (browser: Chromium, path: string) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: missing !== undefined,
    fn: () =>
      inFolder(async (folder) => {
        const path = join(folder, "demo.html");
        await Deno.writeTextFile(path, reportPage(recording));
        await using browser = await Chromium.start();
        await body(browser, path);
      }),
  });
  if (missing !== undefined) console.log(`SKIPPED ${name}: ${missing}`);
}
const missing = await missingBrowser();

browserTest(
  "no text of the report overlaps, overflows or is cut off, at any width",
  async (browser, path) => {
    for (const screen of screens) {
      await browser.show(path, screen);
      assertEquals(await browser.evaluate(`${script}; measure()`), [], JSON.stringify(screen));
      assertEquals(browser.complaints(), []);
    }
  },
);

browserTest("measure finds what is wrong with a page", async (browser, path) => {
  const wrong = "<!doctype html>" +
    '<p style="position:absolute;top:0;width:999px">one<p style="position:absolute;top:0">two</p>' +
    '<svg width="90" height="20"><text x="80" y="9">long</text></svg>';
  await Deno.writeTextFile(path, wrong);
  await browser.show(path, screens[0]);
  const problems = await browser.evaluate(`${script}; measure()`) as string[];
  for (const problem of ["wide", "is cut off", "is on", "outside its picture", "is empty"]) {
    assertEquals(problems.some((text) => text.includes(problem)), true, `${problem}: ${problems}`);
  }
});

browserTest("every act that was played has its pictures", async (browser, path) => {
  await browser.show(path, screens[0]);
  const kinds = "[...document.querySelectorAll('section[id]')].map((act) => " +
    "[act.id, ...[...act.querySelectorAll('svg')].map((svg) => svg.classList[1])].join(' '))";
  assertEquals(await browser.evaluate(kinds), [
    "virtlockd timeline lanes",
    "dmfilemapd timeline extents",
    "mdmpd timeline lanes",
    "cmannotifyd timeline lanes",
    "cmirrord timeline mirror",
  ]);
});

browserTest(
  "the report is bright in light rooms and dark in dark ones, and never blank",
  async (browser, path) => {
    const [light, dark] = [
      await lookAt(browser, path, screens[0]),
      await lookAt(browser, path, screens[1]),
    ];
    assertEquals([light.colours > 50, dark.colours > 50], [true, true]);
    assertEquals([light.brightness > 200, dark.brightness < 80], [true, true]);
    assertEquals(light.height > 900, true);
  },
);
