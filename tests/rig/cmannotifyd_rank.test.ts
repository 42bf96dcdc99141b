import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "cmannotifyd and its runner are realtime and spared by the OOM killer where they are told to be, and scripts never are",
  "cmannotifyd_rank",
);
