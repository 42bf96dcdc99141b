/** The demo of one daemon as a user plays it. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import type { ActRecord, Recording } from "../../../tasks/demo/recording.ts";
import { root, runDeno } from "../../../tasks/toolchain.ts";

/** `task demo WORDS…`, with TMPDIR in a folder. */
export async function runDemo(
  words: readonly string[],
  folder?: string,
): Promise<{ code: number; output: string }> {
  const args = ["run", "-A", "--no-check", "--quiet", join(root, "tasks/demo.ts"), ...words];
  return await runDeno(args, folder === undefined ? {} : { env: { TMPDIR: folder } });
}

/** What one act said and recorded, and the page that was drawn of it. */
export interface Played {
  readonly output: string;
  readonly act: ActRecord;
  readonly page: string;
}

/** Plays the act of a daemon, which must come to a good end and leave nothing but its report in `folder`. */
export async function playAlone(daemon: string, folder: string): Promise<Played> {
  const report = join(folder, "report.html");
  const { code, output } = await runDemo(["--only", daemon, "--report", report], folder);
  assertEquals(code, 0, output);
  const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
  assertEquals(left, ["report.html", "report.json"]);
  const { acts }: Recording = JSON.parse(await Deno.readTextFile(join(folder, "report.json")));
  assertEquals(acts.map((act) => act.daemon), [daemon]);
  return { output, act: acts[0], page: await Deno.readTextFile(report) };
}

/** The states that a track went through. */
export function statesOf({ tracks }: ActRecord, name: string): string[] {
  return tracks.find((track) => track.name === name)?.changes.map(({ state }) => state) ?? [];
}
