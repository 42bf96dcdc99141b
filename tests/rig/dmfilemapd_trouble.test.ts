import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "freezing, failing and want of descriptors do not make the daemon hang, spin or leak",
  "dmfilemapd_trouble",
);
