import { join } from "@std/path";
import { build } from "../../tasks/build.ts";
import { loadManifest } from "../../tasks/daemons.ts";
import { debianPackage } from "../../tasks/package/debian.ts";
import { release } from "../../tasks/package/facts.ts";
import { hostTarget } from "../../tasks/toolchain.ts";
import { scenarioTest } from "./helpers/scenario_test.ts";

/**
 * A folder of packages: that of virtlockd, and in "others" those of the other services. They are not compressed: an emulated
 * processor has enough to do with them.
 */
async function packed(): Promise<string> {
  const output = await Deno.makeTempDir({ prefix: "hostkeep-packages-" });
  addEventListener("unload", () => Deno.removeSync(output, { recursive: true }));
  const others = join(output, "others");
  await Deno.mkdir(others);
  const settings = { release: await release(), compression: "none" } as const;
  for (const name of ["virtlockd", "cmannotifyd", "cmirrord", "mdmpd"]) {
    const run = { ...settings, output: name === "virtlockd" ? output : others };
    await debianPackage(await loadManifest(name), await build(name), hostTarget(), run);
  }
  return output;
}

await scenarioTest(
  "virtlockd's package takes over a running system and gives it back; those of the other services start and upgrade them, confined",
  "packages",
  { env: { PACKAGES: await packed() } },
);
