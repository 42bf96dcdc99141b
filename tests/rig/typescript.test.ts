import { assertEquals, assertThrows } from "@std/assert";
import { scenarioTest } from "./helpers/scenario_test.ts";

const options = { args: ["a b", "it's"], env: { GREETING: "c" } };

await scenarioTest(
  "a scenario in TypeScript runs in the guest",
  "typescript",
  options,
  async (run) => {
    const [one] = run.nodes;
    assertEquals(one.notes.length, 1);
    assertEquals(one.figures.map(({ figure, unit }) => [figure, unit]), [["a file written", "ms"]]);
    assertEquals(await Deno.readTextFile(run.output(1, "report")), "done");
    assertEquals(one.kernelLog.includes("Linux version 6."), true, one.kernelLog);
    assertThrows(() => Deno.statSync("/etc/written"), Deno.errors.NotFound);
  },
);
