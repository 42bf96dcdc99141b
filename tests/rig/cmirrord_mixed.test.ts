import { originalCmirrord } from "../../tasks/bench/originals.ts";
import { assertMirrored } from "./helpers/mirror_disks.ts";
import { scenarioTest, skipped } from "./helpers/scenario_test.ts";

const REGIONS = 64;
const NAME =
  "a mirror of a node with the C daemon and one with ours has equal legs and a right log after each was the server";

const { path, reason } = await originalCmirrord();
if (path === undefined) skipped(NAME, `no C daemon: ${reason}`);
else {
  await scenarioTest(
    NAME,
    "cmirrord_mixed",
    { args: [path] },
    async (run) => await assertMirrored(run, REGIONS),
  );
}
