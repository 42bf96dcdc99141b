import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest("a file of 1,000 extents is mapped by its changes", "dmfilemapd_extents");
