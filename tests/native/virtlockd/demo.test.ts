/** virtlockd's act of the demo, played for real: the others take minutes. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import type { Recording } from "../../../tasks/demo/recording.ts";
import { root, runDeno } from "../../../tasks/toolchain.ts";
import { inFolder } from "../../tasks/needs.ts";

Deno.test("demo --only virtlockd plays that act, and draws its report from what it saw", async () => {
  await inFolder(async (folder) => {
    const report = join(folder, "report.html");
    const args = ["--only", "virtlockd", "--report", report];
    const { success, output } = await runDeno(
      ["run", "-A", "--no-check", "--quiet", join(root, "tasks/demo.ts"), ...args],
      { env: { TMPDIR: folder } },
    );
    assertEquals(success, true, output);
    assertMatch(output, /\n8 of 8 claims held, in [\d.]+ s\.\n$/);
    const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
    assertEquals(left, ["report.html", "report.json"]);

    const { acts }: Recording = JSON.parse(await Deno.readTextFile(join(folder, "report.json")));
    assertEquals(acts.map(({ daemon }) => daemon), ["virtlockd"]);
    const states = (track: string): string[] =>
      acts[0].tracks.find(({ name }) => name === track)?.changes.map(({ state }) => state) ?? [];
    assertEquals(states("virtlockd"), ["first image", "second image"]);
    assertEquals(states("lock on disk.img"), ["red", "", "blue"]);
    const page = await Deno.readTextFile(report);
    assertStringIncludes(page, "8 of 8 claims held");
    assertEquals(page.split("<svg").length - 1, 2);
  });
});

Deno.test("demo refuses an act that there is not, and names those that there are", async () => {
  const args = ["run", "-A", "--no-check", "--quiet", join(root, "tasks/demo.ts")];
  const { code, output } = await runDeno([...args, "--only", "hamlet"]);
  assertEquals(code, 1);
  assertStringIncludes(
    output,
    'no act "hamlet": virtlockd, dmfilemapd, mdmpd, cmannotifyd, cmirrord',
  );
});
