import { onBoth } from "./dmfilemapd/on_both.ts";

await onBoth(
  "a followed file's counters are the truth while it is overwritten and grows",
  "dmfilemapd_counters",
);
