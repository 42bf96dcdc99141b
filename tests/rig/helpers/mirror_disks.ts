/** The shared disks of a mirror, after its nodes are gone. */
import { assertEquals } from "@std/assert";
import type { ScenarioRun } from "../../../tasks/rig/run.ts";

/** Behind the header of the log on disk. */
const LOG_BITMAP_AT = 1024;

/** Asserts that disks "one" and "two" are the same, and that all regions are clean on disk "log". */
export async function assertMirrored(run: ScenarioRun, regions: number): Promise<void> {
  const [one, two] = await Promise.all(["one", "two"].map((leg) => Deno.readFile(run.disk(leg))));
  assertEquals(one.length, two.length);
  assertEquals(one.findIndex((byte, index) => byte !== two[index]), -1);
  const log = await Deno.readFile(run.disk("log"));
  const bits = log.subarray(LOG_BITMAP_AT, LOG_BITMAP_AT + regions / 8);
  assertEquals(bits.toHex(), "ff".repeat(regions / 8));
}
