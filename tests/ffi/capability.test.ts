/** Capabilities, given up by children. */
import { assertEquals, assertThrows } from "@std/assert";
import { CAPABILITIES, capabilityNames, capabilitySet } from "../../ffi/capability.ts";
import { EPERM } from "../../ffi/errno.ts";
import { answerOf } from "./child.ts";
import type { CapabilityOutcome } from "./capability_child.ts";

const isRoot = Deno.uid() === 0;

function testAsRoot(name: string, body: () => Promise<void>): void {
  if (!isRoot) console.log(`SKIPPED ${name}: needs root`);
  Deno.test(name, { ignore: !isRoot }, body);
}

const kept = ["CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL"];

testAsRoot(
  "keepCapabilities and limitBoundingSet leave what is listed and nothing else",
  async () => {
    const outcome = await answerOf<CapabilityOutcome>("capability_child.ts", {
      keep: kept,
      attempts: [["regainCapabilities"], ["chroot"], ["mount"], ["unshare"]],
    });
    const { status, ...rest } = outcome;
    assertEquals(rest, {
      effective: kept,
      permitted: kept,
      inheritable: [],
      bounding: kept,
      limited: 0,
      results: [EPERM, EPERM, EPERM, EPERM],
    });
    const mask = "000000000000002a"; // bits 1, 3, 5
    const none = "0000000000000000";
    const { CapInh, CapPrm, CapEff, CapBnd, CapAmb, NoNewPrivs } = status;
    assertEquals([CapInh, CapPrm, CapEff, CapBnd, CapAmb], [none, mask, mask, mask, none]);
    assertEquals(NoNewPrivs, "1");
  },
);

testAsRoot("keepCapabilities leaves nothing when nothing is listed", async () => {
  const order = { keep: [], attempts: [["regainCapabilities"], ["read", "/etc/shadow"]] };
  const outcome = await answerOf<CapabilityOutcome>("capability_child.ts", order);
  assertEquals([outcome.effective, outcome.bounding], [[], []]);
  // Without CAP_DAC_OVERRIDE root is the file's owner and no more: mode 0640 lets it read.
  assertEquals(outcome.results, [EPERM, 0]);
});

testAsRoot("limitBoundingSet says EPERM without CAP_SETPCAP, and the rest holds", async () => {
  const drop = ["setpriv", "--bounding-set=-setpcap", "--inh-caps=-setpcap"];
  const order = { keep: kept, attempts: [["regainCapabilities"]] };
  const outcome = await answerOf<CapabilityOutcome>("capability_child.ts", order, drop);
  assertEquals([outcome.limited, outcome.permitted, outcome.results], [-EPERM, kept, [EPERM]]);
  assertEquals(outcome.bounding.length > kept.length, true);
});

Deno.test("capabilitySet and capabilityNames are each other's inverse", () => {
  const names = Object.keys(CAPABILITIES);
  for (const name of names) assertEquals(capabilityNames(capabilitySet([name])), [name]);
  assertEquals(capabilityNames(capabilitySet(names)), names);
  assertEquals(capabilityNames(0n), []);
  assertEquals(capabilityNames(1n << 50n), ["capability 50"]);
});

Deno.test("capabilitySet refuses a name that Linux does not have", () => {
  assertThrows(() => capabilitySet(["CAP_FOWNER", "CAP_MAGIC"]), RangeError, `"CAP_MAGIC"`);
  assertThrows(() => capabilitySet(["toString"]), RangeError);
});
