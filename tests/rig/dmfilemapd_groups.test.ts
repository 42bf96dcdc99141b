import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "a followed group may be changed and ended by stock dmstats",
  "dmfilemapd_groups",
);
