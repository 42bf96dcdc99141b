import { onBoth } from "./dmfilemapd/on_both.ts";

await onBoth("a followed file may be renamed, unlinked and replaced", "dmfilemapd_names");
