import { scenarioTest } from "./helpers/scenario_test.ts";

await scenarioTest(
  "a SCSI disk that was pulled out is found again under any name, and another in its place is not taken for it",
  "mdmpd_scsi",
);
