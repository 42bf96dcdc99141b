import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "whatever lies in a failed path's place is left alone unless it is the path",
  "mdmpd_trap",
);
