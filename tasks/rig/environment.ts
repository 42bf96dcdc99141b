/** What a guest is told. */
import { join } from "@std/path";
import { denoFolders, root, runDeno } from "../toolchain.ts";
import type { Boot } from "./boot.ts";
import { quote } from "./run_folder.ts";
import type { Plan } from "./scenario.ts";

/** What the second stage and the scenario find in their environment. Our daemons come first on PATH. */
export async function environmentOf(
  scenario: string,
  plan: Plan,
  boot: Boot,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  if (scenario.endsWith(".ts")) await compileOnHost(scenario);
  return {
    RIG_SCENARIO: scenario,
    RIG_ARGUMENTS: args.map(quote).join(" "),
    RIG_NODES: String(plan.nodes),
    RIG_LIMIT_SECONDS: String(plan.limitSeconds),
    RIG_SYSTEMD: plan.systemd ? "yes" : "",
    RIG_CHECKOUT: root,
    RIG_RELEASE: boot.release,
    RIG_MODULES: boot.modules,
    RIG_DENO: Deno.execPath(),
    DENO_DIR: (await denoFolders()).denoDir,
    PATH: `${root}/dist:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: Deno.env.get("HOME") ?? "/tmp",
    LANG: "C.UTF-8",
    NO_COLOR: "1",
    DM_DISABLE_UDEV: "1", // libdevmapper makes the nodes itself; a guest has no udevd
    ...env,
  };
}

/** The guest sees Deno's cache and finds the scenario in it, ready to run. */
async function compileOnHost(scenario: string): Promise<void> {
  const config = `--config=${join(root, "deno.json")}`;
  const finished = await runDeno(["cache", "--quiet", "--no-check", config, scenario]);
  if (!finished.success) throw new Error(`cannot compile "${scenario}": ${finished.output}`);
}
