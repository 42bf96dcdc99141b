import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "four mirrors at once: their logs and legs fail, are held for, heal and are replaced; forged requests change nothing",
  "cmirrord_trouble",
);
