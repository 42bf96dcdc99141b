import { scenarioTest } from "./helpers/scenario_test.ts";

const scenario = "dmfilemapd_extents";
await scenarioTest("a file of 1,000 extents is mapped by its changes, on xfs", scenario, {
  env: { FS: "xfs", EXTENTS: "10,1000" },
});
await scenarioTest("a file of 5,000 extents is mapped by its changes, on ext4", scenario, {
  env: { FS: "ext4", EXTENTS: "100,5000" },
});
