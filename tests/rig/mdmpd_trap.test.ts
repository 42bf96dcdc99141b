import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "a foreign disk in a failed path's place is never touched, and the right one is put back",
  "mdmpd_trap",
);
