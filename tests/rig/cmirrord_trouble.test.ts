import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "four mirrors at once: a log device that fails and heals, marks that come with FLUSH, a log device by its number",
  "cmirrord_trouble",
);
