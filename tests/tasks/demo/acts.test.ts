import { assertEquals, assertThrows } from "@std/assert";
import { acts, actsOf } from "../../../tasks/demo/acts.ts";
import { daemonNames } from "../../../tasks/daemons.ts";

Deno.test("every daemon has its act", async () => {
  assertEquals(acts.map(({ daemon }) => daemon).sort(), await daemonNames());
});

Deno.test("actsOf gives all acts, or those that are named, and refuses other names", () => {
  assertEquals(actsOf([]), acts);
  assertEquals(actsOf(["mdmpd", "virtlockd"]).map(({ daemon }) => daemon), ["virtlockd", "mdmpd"]);
  assertThrows(() => actsOf(["hamlet"]), Error, 'no act "hamlet": virtlockd, ');
});
