/** Everything that mdmpd reads from others. */
import { BitmapTarget, SuperblockTarget } from "./mdmpd_superblocks.ts";
import { MdstatTarget, MemoryTarget, MessageTarget } from "./mdmpd_texts.ts";
import { Random } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

export function mdmpdTargets(seed: number): FuzzTarget[] {
  return [
    new MdstatTarget(new Random(seed)),
    new SuperblockTarget(new Random(seed)),
    new BitmapTarget(new Random(seed)),
    new MessageTarget(new Random(seed)),
    new MemoryTarget(new Random(seed)),
  ];
}
