import { onBoth } from "./dmfilemapd/on_both.ts";

await onBoth("every one of 50 appends to a followed file is mapped", "dmfilemapd_appends");
