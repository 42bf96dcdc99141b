import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest("daemons share a device, and one group has one daemon", "dmfilemapd_crowds");
