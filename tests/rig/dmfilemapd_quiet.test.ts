import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "a daemon with nothing to do does nothing, and collects nothing",
  "dmfilemapd_quiet",
);
