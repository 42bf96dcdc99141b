import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest("every one of 50 appends to a followed file is mapped", "dmfilemapd_appends");
