import { assertMirrored } from "./helpers/mirror_disks.ts";
import { scenarioTest } from "./helpers/scenario_test.ts";

const REGIONS = 64;

await scenarioTest(
  "a mirror of two nodes that both write has equal legs and a clean log after its server has left and been killed, and quorum was lost",
  "cmirrord_two",
  {},
  async (run) => await assertMirrored(run, REGIONS),
);
