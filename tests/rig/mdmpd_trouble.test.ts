import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "flapping and hanging paths, a dead last path, an operator's hand and a killed daemon come to a good end",
  "mdmpd_trouble",
);
