import { assertEquals } from "@std/assert";
import { originalCmirrord } from "../../tasks/bench/originals.ts";
import { scenarioTest, skipped } from "./helpers/scenario_test.ts";

const LOG_BITMAP_AT = 1024;
const REGIONS = 64;
const NAME =
  "a mirror of a node with the C daemon and one with ours has equal legs and a right log after each was the server";

const { path, reason } = await originalCmirrord();
if (path === undefined) skipped(NAME, `no C daemon: ${reason}`);
else {
  await scenarioTest(NAME, "cmirrord_mixed", { args: [path] }, async (run) => {
    const [one, two] = await Promise.all(["one", "two"].map((leg) => Deno.readFile(run.disk(leg))));
    assertEquals(one.length, two.length);
    assertEquals(one.findIndex((byte, index) => byte !== two[index]), -1);
    const log = await Deno.readFile(run.disk("log"));
    const bits = log.subarray(LOG_BITMAP_AT, LOG_BITMAP_AT + REGIONS / 8);
    assertEquals(bits.toHex(), "ff".repeat(REGIONS / 8));
  });
}
