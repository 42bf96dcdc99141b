import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest("a followed file may be renamed, unlinked and replaced", "dmfilemapd_names");
