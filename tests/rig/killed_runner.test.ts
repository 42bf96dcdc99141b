/** What is left when who runs a scenario is killed. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { root } from "../../tasks/toolchain.ts";
import { processesNaming, withScenario } from "./helpers/scenario_file.ts";
import { rigTest } from "./helpers/scenario_test.ts";

/** A `task rig` that uses `temporary` for its runs. */
function taskRig(scenario: string, temporary: string): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", join(root, "tasks/rig.ts"), scenario],
    cwd: root,
    env: { TMPDIR: temporary },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
}

async function waitFor(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  text: string,
): Promise<void> {
  let seen = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    if ((seen += chunk).includes(text)) return;
  }
  throw new Error(`ended without "${text}": ${seen}`);
}

async function foldersIn(folder: string): Promise<string[]> {
  const names = await Array.fromAsync(Deno.readDir(folder));
  return names.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
}

await rigTest(
  "kill -9 of the runner leaves no machine, and its folder goes at the next run",
  async () => {
    await withScenario(`check "runs" true; note waiting; sleep 1000`, async (scenario, folder) => {
      const runner = taskRig(scenario, folder);
      await waitFor(runner.stdout, "ok runs");
      assertEquals((await processesNaming(folder)).length >= 2, true);
      const [abandoned] = await foldersIn(folder);
      runner.kill("SIGKILL");
      await runner.status;
      for (let tries = 0; tries < 100 && (await processesNaming(folder)).length > 0; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assertEquals(await processesNaming(folder), []);
      assertEquals(await foldersIn(folder), [abandoned]);

      await Deno.writeTextFile(scenario, `check "runs" true`);
      const next = await taskRig(scenario, folder).output();
      assertEquals(next.success, true, new TextDecoder().decode(next.stdout));
      assertEquals(await foldersIn(folder), []);
    });
  },
);
