import { onBoth } from "./dmfilemapd/on_both.ts";

await onBoth(
  "holes, truncation, preallocation, mappings and shared blocks are followed",
  "dmfilemapd_shapes",
);
