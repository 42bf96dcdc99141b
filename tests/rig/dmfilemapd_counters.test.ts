import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "a followed file's counters are the truth while it is overwritten and grows",
  "dmfilemapd_counters",
);
