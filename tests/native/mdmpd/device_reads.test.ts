/** Reads past every cache, on real block devices. */
import { assertEquals } from "@std/assert";
import "../../bind_libc.ts";
import {
  type BlockResult,
  hasReadsUnderWay,
  readBlocks,
  readGroups,
  type Reading,
} from "../../../daemons/mdmpd/effects/device_reads.ts";
import { Aio, type AioResult } from "../../../ffi/aio.ts";
import { Loop, loopTest } from "./helpers/loop.ts";

const BLOCK_BYTES = 4_096;
const BLOCKS = 4;
const REST_BYTES = 1_024;
const SHORT_MS = 100;

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Lets each wait for answers come back with one of them, as if disks were slow one after the other. */
function answerOneByOne(): Disposable {
  const wait = Aio.prototype.wait;
  const held: AioResult[] = [];
  Aio.prototype.wait = function (timeoutMs: number): AioResult[] {
    if (held.length === 0) held.push(...wait.call(this, timeoutMs));
    return held.splice(0, 1);
  };
  return {
    [Symbol.dispose]: () => {
      Aio.prototype.wait = wait;
    },
  };
}

/** Lets no answer come back, and counts the reads. */
function holdAnswers(): Disposable & { reads: number } {
  const { wait, read } = Aio.prototype;
  const held = {
    reads: 0,
    [Symbol.dispose]: () => Object.assign(Aio.prototype, { wait, read }),
  };
  Aio.prototype.wait = () => [];
  Aio.prototype.read = function (...args: Parameters<typeof read>): number {
    held.reads++;
    return read.apply(this, args);
  };
  return held;
}

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

/** What becomes of one read of each loop, in the order in which it is told. */
function told(loops: readonly Loop[], reading: Reading, done: (group: number) => void): string[] {
  const said: string[] = [];
  const groups = loops.map(({ ref }) => [{ of: ref, offset: 0 }]);
  readGroups(groups, reading, (group, [result]) => {
    said.push(`${group}: ${outcome(result)}`);
    done(group);
  });
  return said.toSorted();
}

loopTest("readGroups calls no answer late that was there in time", async (folder) => {
  await using a = await Loop.over(folder, "a", BLOCKS * BLOCK_BYTES);
  await using b = await Loop.over(folder, "b", BLOCKS * BLOCK_BYTES);
  await using c = await Loop.over(folder, "c", BLOCKS * BLOCK_BYTES);
  const reading = { timeoutMs: SHORT_MS, opening: () => {}, waiting: () => {} };
  const all = ["0: 4096 bytes", "1: 4096 bytes", "2: 4096 bytes"];
  const slowOpen = { ...reading, opening: () => sleep(SHORT_MS) };
  assertEquals(told([a, b, c], slowOpen, () => {}), all, "open(2) took long");
  using _ = answerOneByOne();
  assertEquals(told([a, b, c], reading, () => sleep(2 * SHORT_MS)), all, "the caller took long");
});

loopTest(
  "readBlocks reads no device at which a read hangs, until that comes back",
  async (folder) => {
    await using a = await Loop.over(folder, "a", BLOCKS * BLOCK_BYTES);
    await using b = await Loop.over(folder, "b", BLOCKS * BLOCK_BYTES);
    const reading = { timeoutMs: SHORT_MS, opening: () => {}, waiting: () => {} };
    const both = (): string[] =>
      readBlocks([{ of: a.ref, offset: 0 }, { of: b.ref, offset: 0 }], reading).map(outcome);
    const one = (): string[] => readBlocks([{ of: a.ref, offset: 0 }], reading).map(outcome);
    {
      using held = holdAnswers();
      assertEquals([one(), hasReadsUnderWay()], [["no answer in 0.1 s"], true]);
      assertEquals([one(), one(), held.reads], [
        ["a read from before has not come back"],
        ["a read from before has not come back"],
        1,
      ]);
      assertEquals(both(), ["a read from before has not come back", "no answer in 0.1 s"]);
      assertEquals(held.reads, 2);
    }
    assertEquals(both(), ["4096 bytes", "4096 bytes"]);
    assertEquals(hasReadsUnderWay(), false);
  },
);
