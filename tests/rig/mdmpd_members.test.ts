import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "members of raid arrays come back by their bitmap, and never without one",
  "mdmpd_members",
);
