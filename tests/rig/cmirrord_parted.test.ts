import { assertMirrored } from "./helpers/mirror_disks.ts";
import { scenarioTest } from "./helpers/scenario_test.ts";

const REGIONS = 32;

await scenarioTest(
  "a mirror made by the manual page's commands has equal legs and a clean log after a partition in which both parts wrote",
  "cmirrord_parted",
  {},
  async (run) => await assertMirrored(run, REGIONS),
);
