import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "a path that fails under I/O stays out while it is dead and is back when it heals; the daemon is idle and confined",
  "mdmpd_heal",
);
