import { onBoth } from "./dmfilemapd/on_both.ts";

await onBoth("a daemon with nothing to do does nothing, and collects nothing", "dmfilemapd_quiet");
