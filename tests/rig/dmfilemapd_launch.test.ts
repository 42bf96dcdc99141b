import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "dmstats create --filemap and update_filemap start our daemon in both modes",
  "dmfilemapd_launch",
);
