import { assertEquals } from "@std/assert";
import { scenarioTest } from "./helpers/scenario_test.ts";

const LOG_BITMAP_AT = 1024;
const REGIONS = 64;

await scenarioTest(
  "a mirror of three nodes has equal legs and a clean log after nodes have joined its recovery, and its server's machine has died",
  "cmirrord_three",
  {},
  async (run) => {
    const [one, two] = await Promise.all(["one", "two"].map((leg) => Deno.readFile(run.disk(leg))));
    assertEquals(one.length, two.length);
    assertEquals(one.findIndex((byte, index) => byte !== two[index]), -1);
    const log = await Deno.readFile(run.disk("log"));
    const bits = log.subarray(LOG_BITMAP_AT, LOG_BITMAP_AT + REGIONS / 8);
    assertEquals(bits.toHex(), "ff".repeat(REGIONS / 8));
  },
);
