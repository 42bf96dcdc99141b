/** Everything that dmfilemapd reads from others. */
import { ArgumentsTarget } from "./dmfilemapd_argv.ts";
import { FiemapTarget } from "./dmfilemapd_fiemap.ts";
import { StatsListTarget, StatsPrintTarget } from "./dmfilemapd_stats.ts";
import { MarkTarget, TagTarget } from "./dmfilemapd_tags.ts";
import { Random } from "./random.ts";
import type { FuzzTarget } from "./target.ts";

export function dmfilemapdTargets(seed: number): FuzzTarget[] {
  return [
    new FiemapTarget(new Random(seed)),
    new StatsListTarget(new Random(seed)),
    new StatsPrintTarget(new Random(seed)),
    new TagTarget(new Random(seed)),
    new MarkTarget(new Random(seed)),
    new ArgumentsTarget(new Random(seed)),
  ];
}
