import { assertMirrored } from "./helpers/mirror_disks.ts";
import { scenarioTest } from "./helpers/scenario_test.ts";

const REGIONS = 64;

await scenarioTest(
  "a mirror of three nodes has equal legs and a clean log after nodes have joined its recovery, and its server's machine has died",
  "cmirrord_three",
  {},
  async (run) => await assertMirrored(run, REGIONS),
);
