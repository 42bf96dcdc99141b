import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest("fifty arrays lose a path at once and get it back", "mdmpd_many");
