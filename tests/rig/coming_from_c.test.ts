import { originalCmirrord, originalDmfilemapd } from "../../tasks/bench/originals.ts";
import { scenarioTest, skipped } from "./helpers/scenario_test.ts";

const NAME = "what docs/coming-from-c says is done as it stands there, to our daemons and back";

const originals = [await originalCmirrord(), await originalDmfilemapd()];
const reason = originals.find(({ path }) => path === undefined)?.reason;
if (reason !== undefined) skipped(NAME, `no C daemons: ${reason}`);
else {
  const args = originals.map(({ path = "" }) => path);
  await scenarioTest(NAME, "coming_from_c", { args });
}
