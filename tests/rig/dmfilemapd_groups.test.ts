import { onBoth } from "./dmfilemapd/on_both.ts";

await onBoth("a followed group may be changed and ended by stock dmstats", "dmfilemapd_groups");
