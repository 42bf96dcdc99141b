/**
 * `deno task demo [--only NAME]… [--report FILE]`: each daemon doing its job, on the shipped binaries, with a running commentary, and a
 * report of it: dist/demo.html, and what it is drawn from beside it as JSON. `--only` plays the act of one daemon.
 */
import { join } from "@std/path";
import { parseArgs } from "node:util";
import { build } from "./build.ts";
import { type Act, actsOf } from "./demo/acts.ts";
import { inTemporaryFolder, Interrupted, interruption, play } from "./demo/play.ts";
import { reportPage } from "./demo/report/page.ts";
import { Stage } from "./demo/stage.ts";
import { root, runTask } from "./toolchain.ts";

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      only: { type: "string", multiple: true, default: [] },
      report: { type: "string" },
    },
  });
  const acts = actsOf(values.only);
  try {
    const stage = await perform(acts);
    await writeReport(stage, values.report ?? join(root, "dist/demo.html"));
    return stage.close() ? 0 : 1;
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    console.log("\nInterrupted; nothing is left behind.");
    return 130;
  }
}

/** Builds the daemons and plays their acts. Throws Interrupted. */
async function perform(acts: readonly Act[]): Promise<Stage> {
  let isInterrupted = false;
  const interrupted = interruption().then(() => {
    isInterrupted = true;
  });
  for (const { daemon } of acts) {
    // A compiler of our process group has heard of it, too.
    await build(daemon).catch((error) => {
      throw isInterrupted ? new Interrupted() : error;
    });
    if (isInterrupted) throw new Interrupted();
  }
  const stage = new Stage();
  await inTemporaryFolder(async () => {
    for (const act of acts) await play(act, stage, interrupted);
  });
  return stage;
}

async function writeReport(stage: Stage, path: string): Promise<void> {
  const recording = stage.recording();
  await Deno.writeTextFile(path, reportPage(recording));
  await Deno.writeTextFile(path.replace(/(\.html)?$/, ".json"), JSON.stringify(recording));
  console.log(`\nThe report: ${path}`);
}

if (import.meta.main) await runTask("demo", main);
