import { assertEquals } from "@std/assert";
import { lastBits, regionStates } from "../../../tasks/demo/cmirrord_bits.ts";

const dump = (sync: string, clean: string): string =>
  `12:00 LOG COMPONENT DEBUGGING::\n12:00 LVM-shared\n12:00 sync_bits:\n12:00 [  0 -   1] ${sync}\n` +
  `12:00 clean_bits:\n12:00 [  0 -   1] ${clean}\n12:00 CLUSTER COMPONENT DEBUGGING::\n`;

Deno.test("lastBits reads the last dump of a log, the least significant bit of a byte first", () => {
  const bits = lastBits(dump("FF FF", "FF FF") + dump("01 80", "00 03"), 16);
  assertEquals(bits, { sync: "1000000000000001", clean: "0000000011000000" });
});

Deno.test("lastBits gives as many bits as there are regions", () => {
  assertEquals(lastBits(dump("FF 0F", "FF 01"), 12)?.clean, "111111111000");
});

Deno.test("lastBits finds nothing in a log without a dump, nor in half of one", () => {
  assertEquals(lastBits("started\n", 16), undefined);
  assertEquals(lastBits(dump("FF FF", "FF FF").replace(/CLUSTER.*/s, ""), 16), undefined);
  assertEquals(lastBits(dump("FF", "FF"), 16), undefined);
});

Deno.test("regionStates calls a region clean only where it is in sync, too", () => {
  assertEquals(regionStates({ sync: "1100", clean: "1010" }), [
    "clean",
    "dirty",
    "unsynced",
    "unsynced",
  ]);
});
