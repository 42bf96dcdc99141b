/**
 * mdmpd's start and size, natively. The original's sources are lost, so beside it stands a program that does nothing, made with the same
 * runtime and flags: what is promised is to be ready 45 ms after the start, and the runtime takes most of them. Needs root (a mount
 * namespace).
 */
import { join } from "@std/path";
import { build, compile } from "../build.ts";
import { loadManifest } from "../daemons.ts";
import { compileFlags } from "../flags.ts";
import { hostTarget, root, run } from "../toolchain.ts";
import type { Times } from "./mdmpd_times.ts";
import type { BenchOptions } from "./options.ts";
import { compare, type Figures, table } from "./report.ts";

const STARTS_PER_ROUND = 10;
/** A folder of its own for the daemon's files, and the measuring program in the place of the shell. */
const IN_PRIVATE = 'mount -t tmpfs none /run && exec "$@"';

/** Measures, and prints the table; whether it could. */
export async function benchMdmpd({ rounds }: BenchOptions): Promise<boolean> {
  const daemon = await build("mdmpd");
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-bench-" });
  try {
    return await measure(daemon, await nothing(folder), rounds);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The path of a program that says one line and ends. */
async function nothing(folder: string): Promise<string> {
  const target = hostTarget();
  const flags = compileFlags(await loadManifest("mdmpd"), target);
  const output = join(folder, "nothing");
  await compile({ name: "nothing", target, code: 'console.log("up");\n', flags, output });
  return output;
}

async function measure(daemon: string, nothing: string, rounds: number): Promise<boolean> {
  const { success, stdout, output } = await run("unshare", [
    ...["--mount", "sh", "-c", IN_PRIVATE, "sh"],
    ...[Deno.execPath(), "run", "-A", "--unstable-net", `${root}/tasks/bench/mdmpd_times.ts`],
    ...[daemon, nothing, String(rounds * STARTS_PER_ROUND)],
  ]);
  if (!success) {
    console.error(`mdmpd cannot be measured: ${output.trim()}`);
    return false;
  }
  const { readyMs, nothingMs, processorMs, residentMb, ownMb, endMs } = JSON.parse(stdout) as Times;
  const figures: Figures = new Map([
    ["start to READY=1, ms", readyMs],
    ["the least of it, ms", [Math.min(...readyMs)]],
    ["of it on a processor, ms", processorMs],
    ["a program that does nothing, to its first line, ms", nothingMs],
    ["what the daemon adds to that, ms", readyMs.map((ms, i) => ms - nothingMs[i])],
    ["RSS idle, MB", residentMb],
    ["of it the daemon's own, MB", ownMb],
    ["SIGTERM to the end, ms", endMs],
  ]);
  console.log(table("mdmpd: medians, natively", compare(figures, new Map())));
  return true;
}
