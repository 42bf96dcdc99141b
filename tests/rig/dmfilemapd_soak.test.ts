import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "dmfilemapd loses nothing and leaks nothing under load, faults, signals and kills",
  "dmfilemapd_soak",
  { env: { MINUTES: "0.5" } },
);
