import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest("the live dmfilemapd is confined as its manifest says", "dmfilemapd_confined");
