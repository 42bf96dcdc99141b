import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "fifty arrays lose a path at once and get it back, and none is taken for gone that is not",
  "mdmpd_many",
);
