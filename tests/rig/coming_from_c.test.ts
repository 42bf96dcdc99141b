import { originalCmirrord, originalDmfilemapd } from "../../tasks/bench/originals.ts";
import { scenarioTest, skipped } from "./helpers/scenario_test.ts";

const NAME = "what docs/coming-from-c says is done as it stands there, to our daemons and back";

/** Four switches there and back, under a live systemd on emulated processors. */
async function follow(): Promise<void> {
  const originals = [await originalCmirrord(), await originalDmfilemapd()];
  const reason = originals.find(({ path }) => path === undefined)?.reason;
  if (reason !== undefined) return skipped(NAME, `no C daemons: ${reason}`);
  const args = originals.map(({ path = "" }) => path);
  await scenarioTest(NAME, "coming_from_c", { args });
}

if (Deno.env.get("HOSTKEEP_LONG") === "1") await follow();
else skipped(NAME, "it takes up to eight minutes, which HOSTKEEP_LONG=1 grants it");
