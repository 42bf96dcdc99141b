/** Fewer regions where there are too many: neighbours with the smallest counts become one, which carries what they have counted. */
import { chains, chooseMerges } from "./compaction.ts";
import type { Span } from "./fiemap.ts";
import type { Held } from "./group_table.ts";
import { countedIos } from "./stats.ts";
import type { StatsDevice } from "./stats_device.ts";
import { type Creator, type Swap, swapCounted } from "./swap.ts";

/**
 * Makes regions in place of others, so that there are `count` fewer or as near as can be, and puts them behind `swaps` as they are
 * made. `extents` are disjoint and ascend; the leader is not among `members`. Throws StatsError.
 */
export function mergeLightest(
  device: StatsDevice,
  creator: Creator,
  extents: readonly Span[],
  members: readonly Held[],
  count: number,
  swaps: Swap[],
): void {
  const weights = new Map<Held, bigint>();
  const weigh = (member: Held): bigint => {
    const known = weights.get(member);
    if (known !== undefined) return known;
    const counted = device.print(member.id);
    const weight = counted === undefined ? 0n : countedIos(counted);
    weights.set(member, weight);
    return weight;
  };
  const ascending = members.toSorted((a, b) => a.start - b.start);
  for (const olds of chooseMerges(chains(extents, ascending), weigh, count)) {
    const swap = swapCounted(device, creator, olds);
    if (swap !== undefined) swaps.push(swap);
  }
}
