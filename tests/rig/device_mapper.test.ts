import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "a guest has device-mapper, md, ext4 and XFS on a disk of its own",
  "device_mapper",
);
