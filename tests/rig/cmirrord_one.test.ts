import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "a cluster mirror lives on one node from nothing to its removal, over suspends, reloads and kills of its daemon",
  "cmirrord_one",
);
