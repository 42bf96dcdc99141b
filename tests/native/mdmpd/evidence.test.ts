/** Which devices are read to judge a path, on real block devices. */
import { assertEquals } from "@std/assert";
import "../../bind_libc.ts";
import { examineAll } from "../../../daemons/mdmpd/effects/evidence.ts";
import type { DeviceRef, PathJob } from "../../../daemons/mdmpd/tester_protocol.ts";
import { Loop, loopTest } from "./helpers/loop.ts";

const BLOCK_BYTES = 4_096;
const DEVICE_BYTES = 64 * BLOCK_BYTES;

/** A test of a path of an array without superblock. */
function job(path: DeviceRef, references: DeviceRef[]): PathJob {
  return {
    kind: "test",
    id: 1,
    array: { name: "md0", uuid: "", personality: "multipath", metadata: "none", raidDisks: 3 },
    path,
    references,
    known: undefined,
    lastEvents: undefined,
    markable: false,
    listedAs: path.name,
    awaited: false,
  };
}

/** The verdict, and the devices that were opened for it. */
function examined(path: DeviceRef, references: DeviceRef[]): [string, Set<string>] {
  const opened = new Set<string>();
  const opening = ({ name }: DeviceRef): unknown => opened.add(name);
  let verdict = "none";
  examineAll([job(path, references)], { timeoutMs: 5_000, opening, waiting: () => {} }, (_, it) => {
    verdict = it.verdict;
  });
  return [verdict, opened];
}

/** A loop with something on it that is nowhere else. */
async function disk(folder: string, name: string, byte: number): Promise<Loop> {
  const loop = await Loop.over(folder, name, DEVICE_BYTES);
  await loop.write(0, Uint8Array.from({ length: DEVICE_BYTES }, (_, i) => i === 0 ? byte : i));
  return loop;
}

loopTest("examineAll reads no second working path while the first one answers", async (folder) => {
  await using path = await disk(folder, "path", 1);
  await using first = await disk(folder, "first", 1);
  await using second = await disk(folder, "second", 1);
  const found = examined(path.ref, [first.ref, second.ref]);
  assertEquals(found, ["proven", new Set([path.ref.name, first.ref.name])]);
});

loopTest("examineAll asks the next working path where the first one is silent", async (folder) => {
  await using path = await disk(folder, "path", 1);
  await using same = await disk(folder, "same", 1);
  await using other = await disk(folder, "other", 2);
  const gone = { name: "loop-none", device: "7:999" };
  assertEquals(examined(path.ref, [gone, same.ref])[0], "proven");
  assertEquals(examined(path.ref, [gone, other.ref])[0], "foreign");
  assertEquals(examined(path.ref, [gone, gone])[0], "unproven");
});
