/** virtlockd's act of the demo, played for real. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { playAlone, runDemo, statesOf } from "../../tasks/demo/played.ts";
import { inFolder } from "../../tasks/needs.ts";

Deno.test("demo --only virtlockd plays that act, and draws its report from what it saw", async () => {
  await inFolder(async (folder) => {
    const { output, act, page } = await playAlone("virtlockd", folder);
    assertMatch(output, /\n8 of 8 claims held, in [\d.]+ s\.\n$/);
    assertEquals(statesOf(act, "virtlockd"), ["first image", "second image"]);
    assertEquals(statesOf(act, "lock on disk.img"), ["red", "", "blue"]);
    assertStringIncludes(page, "8 of 8 claims held");
    assertEquals(page.split("<svg").length - 1, 2);
  });
});

Deno.test("demo refuses an act that there is not, and names those that there are", async () => {
  const { code, output } = await runDemo(["--only", "hamlet"]);
  assertEquals(code, 1);
  assertStringIncludes(
    output,
    'no act "hamlet": virtlockd, dmfilemapd, mdmpd, cmannotifyd, cmirrord',
  );
});
