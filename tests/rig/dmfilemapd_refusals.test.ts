import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest("what cannot be followed is refused with a reason", "dmfilemapd_refusals");
