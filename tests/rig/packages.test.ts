import { join } from "@std/path";
import { build } from "../../tasks/build.ts";
import { loadManifest } from "../../tasks/daemons.ts";
import { contentOf } from "../../tasks/package/content.ts";
import { debianPackage } from "../../tasks/package/debian.ts";
import { release } from "../../tasks/package/facts.ts";
import { DEBIAN } from "../../tasks/package/layout.ts";
import { stage } from "../../tasks/package/stage.ts";
import { hostTarget } from "../../tasks/toolchain.ts";
import { scenarioTest } from "./helpers/scenario_test.ts";

/** The package of virtlockd, and the files of those of the other services. */
async function packed(): Promise<string> {
  const output = await Deno.makeTempDir({ prefix: "hostkeep-packages-" });
  addEventListener("unload", () => Deno.removeSync(output, { recursive: true }));
  const settings = { release: await release(), compression: "none", output } as const;
  const program = await build("virtlockd");
  await debianPackage(await loadManifest("virtlockd"), program, hostTarget(), settings);
  for (const name of ["cmannotifyd", "cmirrord", "mdmpd"]) {
    const content = await contentOf(await loadManifest(name), await build(name), DEBIAN);
    await stage(content, join(output, "unpacked", name), settings.release.epoch);
  }
  return output;
}

await scenarioTest(
  "virtlockd's package takes over a running system and gives it back, and all services are confined",
  "packages",
  { env: { PACKAGES: await packed() } },
);
