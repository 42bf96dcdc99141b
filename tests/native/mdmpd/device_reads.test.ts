/** Reads past every cache, on real block devices. */
import { assertEquals } from "@std/assert";
import "../../bind_libc.ts";
import { type BlockResult, readBlocks } from "../../../daemons/mdmpd/effects/device_reads.ts";
import { Loop, loopTest } from "./helpers/loop.ts";

const BLOCK_BYTES = 4_096;
const BLOCKS = 4;
const REST_BYTES = 1_024;

function outcome(result: BlockResult): string {
  return "failure" in result ? result.failure : `${result.bytes.length} bytes`;
}

function outcomes(loop: Loop, offsets: readonly number[]): string[] {
  const reading = { timeoutMs: 5_000, opening: () => {}, waiting: () => {} };
  return readBlocks(offsets.map((offset) => ({ of: loop.ref, offset })), reading).map(outcome);
}

loopTest(
  "readBlocks calls a block that the device ends in, or before, a failure",
  async (folder) => {
    await using loop = await Loop.over(folder, "disk", BLOCKS * BLOCK_BYTES + REST_BYTES);
    const offsets = [0, 3, 4, 5].map((block) => block * BLOCK_BYTES);
    assertEquals(outcomes(loop, offsets), [
      "4096 bytes",
      "4096 bytes",
      "short read of 1024 bytes",
      "short read of 0 bytes",
    ]);
  },
);

loopTest("readBlocks reads what is on the device, block for block", async (folder) => {
  await using loop = await Loop.over(folder, "disk", BLOCKS * BLOCK_BYTES);
  await loop.write(2 * BLOCK_BYTES, new Uint8Array(BLOCK_BYTES).fill(7));
  const reading = { timeoutMs: 5_000, opening: () => {}, waiting: () => {} };
  const reads = [2, 1].map((block) => ({ of: loop.ref, offset: block * BLOCK_BYTES }));
  const found = readBlocks(reads, reading).map((result) =>
    "bytes" in result ? [...new Set(result.bytes)] : result.failure
  );
  assertEquals(found, [[7], [0]]);
});
