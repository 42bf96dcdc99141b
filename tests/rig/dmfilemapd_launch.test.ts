import { onBoth } from "./dmfilemapd/on_both.ts";

await onBoth(
  "dmstats create --filemap and update_filemap start our daemon in both modes",
  "dmfilemapd_launch",
);
