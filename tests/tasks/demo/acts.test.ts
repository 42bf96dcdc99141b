import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { acts, actsOf } from "../../../tasks/demo/acts.ts";
import { daemonNames } from "../../../tasks/daemons.ts";
import { loadScenario } from "../../../tasks/rig/scenario.ts";
import { root } from "../../../tasks/toolchain.ts";

Deno.test("every daemon has its act", async () => {
  assertEquals(acts.map(({ daemon }) => daemon).sort(), await daemonNames());
});

Deno.test("actsOf gives all acts, or those that are named, and refuses other names", () => {
  assertEquals(actsOf([]), acts);
  assertEquals(actsOf(["mdmpd", "virtlockd"]).map(({ daemon }) => daemon), ["virtlockd", "mdmpd"]);
  assertThrows(() => actsOf(["hamlet"]), Error, 'no act "hamlet": virtlockd, ');
});

for (const [daemon, file] of [["dmfilemapd", "sh"], ["mdmpd", "sh"], ["cmirrord", "ts"]]) {
  Deno.test(`the guests of ${daemon}'s act are machines that the rig can make, with the daemon in them`, async () => {
    const { summary, plan } = await loadScenario(join(root, `tasks/demo/${daemon}.${file}`));
    assertStringIncludes(summary, "the demo tells of it");
    assertEquals(plan.daemons, [daemon]);
    assertEquals(plan.limitSeconds > 100, true);
  });
}
