/**
 * mdmpd's start and size, natively. The original's sources are lost, so nothing stands beside it but what is promised: to be ready 45 ms
 * after the start, of which the runtime takes most. Needs root (a mount namespace).
 */
import { buildAll } from "../build.ts";
import { root, run } from "../toolchain.ts";
import type { Times } from "./mdmpd_times.ts";
import type { BenchOptions } from "./options.ts";
import { compare, type Figures, table } from "./report.ts";

const STARTS_PER_ROUND = 10;
/** A folder of its own for the daemon's files, and the measuring program in the place of the shell. */
const IN_PRIVATE = 'mount -t tmpfs none /run && exec "$@"';

/** Measures, and prints the table; whether it could. */
export async function benchMdmpd({ rounds }: BenchOptions): Promise<boolean> {
  await buildAll(["mdmpd"]);
  const { success, stdout, output } = await run("unshare", [
    ...["--mount", "sh", "-c", IN_PRIVATE, "sh"],
    ...[Deno.execPath(), "run", "-A", `${root}/tasks/bench/mdmpd_times.ts`],
    ...[`${root}/dist/mdmpd`, String(rounds * STARTS_PER_ROUND)],
  ]);
  if (!success) {
    console.error(`mdmpd cannot be measured: ${output.trim()}`);
    return false;
  }
  const { startMs, processorMs, residentMb, ownMb, endMs } = JSON.parse(stdout) as Times;
  const figures: Figures = new Map([
    ["start to first answer, ms", startMs],
    ["of it on a processor, ms", processorMs],
    ["RSS idle, MB", residentMb],
    ["of it the daemon's own, MB", ownMb],
    ["SIGTERM to the end, ms", endMs],
  ]);
  console.log(table("mdmpd: medians, natively", compare(figures, new Map())));
  return true;
}
