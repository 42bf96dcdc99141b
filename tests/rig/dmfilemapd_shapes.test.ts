import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "holes, truncation, preallocation, mappings and shared blocks are followed",
  "dmfilemapd_shapes",
);
