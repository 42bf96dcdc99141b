import { onBoth } from "./dmfilemapd/on_both.ts";

await onBoth("daemons share a device, and one group has one daemon", "dmfilemapd_crowds");
