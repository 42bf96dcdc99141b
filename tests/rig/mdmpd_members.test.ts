import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "a member of a raid1 comes back by its bitmap, and never without one",
  "mdmpd_members",
);
