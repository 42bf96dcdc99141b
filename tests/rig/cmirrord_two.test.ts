import { assertEquals } from "@std/assert";
import { scenarioTest } from "./helpers/scenario_test.ts";

const LOG_BITMAP_AT = 1024;
const REGIONS = 64;

await scenarioTest(
  "a mirror of two nodes that both write has equal legs and a clean log after its server has left and been killed, and quorum was lost",
  "cmirrord_two",
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
