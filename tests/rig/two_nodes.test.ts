import { assertEquals } from "@std/assert";
import { scenarioTest } from "./helpers/scenario_test.ts";

/** What the scenario has written to a block of an image. */
async function blockText(image: string, block: number): Promise<string> {
  using file = await Deno.open(image);
  await file.seek(block * 4096, Deno.SeekMode.Start);
  const bytes = new Uint8Array(4096);
  await file.read(bytes);
  return new TextDecoder().decode(bytes).replace(/\0+$/, "");
}

await scenarioTest("two nodes reach each other and share a disk", "two_nodes", {}, async (run) => {
  for (const node of [1, 2]) {
    assertEquals(
      await Deno.readTextFile(run.output(node, "report")),
      `handed back by node ${node}`,
    );
    assertEquals(await blockText(run.disk("common"), node), `written by node ${node}`);
    assertEquals(await blockText(run.disk("own", node), 0), `private to node ${node}`);
  }
});
