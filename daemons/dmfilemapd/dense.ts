/**
 * Ids in a row, for a group whose descriptor has grown too long: `0,7-300` instead of `0,2,4,6,…`, as comes of two files that grow
 * at the same time. Every region is made anew, in place of itself.
 */
import type { Held } from "./group_table.ts";
import { NOWHERE } from "./group_table.ts";
import { DENSE_HOLES_MAX } from "./limits.ts";
import { type StatsDevice, StatsError } from "./stats_device.ts";
import { type Creator, type Swap, swapCounted } from "./swap.ts";

/** Occupies every free id below the highest one in use; the spares that do. Throws StatsError. */
function fillHoles(device: StatsDevice, creator: Creator): number[] {
  const highest = device.highestId();
  const spares: number[] = [];
  try {
    for (let id = -1; id < highest;) {
      if (spares.length > DENSE_HOLES_MAX) {
        throw new StatsError("refused", `more than ${DENSE_HOLES_MAX} ids are free`);
      }
      id = creator.create(NOWHERE);
      spares.push(id);
    }
    return spares;
  } catch (error) {
    for (const spare of spares) device.remove(spare);
    throw error;
  }
}

/** Makes each of the regions anew, with ids in a row. Those that do not stand still are left out. Throws StatsError. */
export function densify(device: StatsDevice, creator: Creator, regions: readonly Held[]): Swap[] {
  const spares = fillHoles(device, creator);
  const swaps: Swap[] = [];
  try {
    // The last spare is behind all others: its place is the first of the row.
    device.remove(spares.pop() as number);
    for (const region of regions) {
      const swap = swapCounted(device, creator, [region]);
      if (swap !== undefined) swaps.push(swap);
    }
    return swaps;
  } catch (error) {
    for (const { region } of swaps) device.remove(region.id);
    throw error;
  } finally {
    for (const spare of spares) device.remove(spare);
  }
}
