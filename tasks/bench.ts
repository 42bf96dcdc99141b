/**
 * `deno task bench [DAEMON…] [--rounds N] [--pairs N] [--long] [--idle SECONDS]`: our daemons beside the originals.
 *
 * Rounds alternate between the two, so that a machine which slows down slows both; a figure is the median of its rounds, and what
 * counts is the ratio.
 */
import { parseArgs } from "node:util";
import { benchCmannotifyd } from "./bench/cmannotifyd.ts";
import { benchCmirrord } from "./bench/cmirrord.ts";
import { benchDmfilemapd } from "./bench/dmfilemapd.ts";
import { benchMdmpd } from "./bench/mdmpd.ts";
import type { BenchOptions } from "./bench/options.ts";
import { benchVirtlockd } from "./bench/virtlockd.ts";
import { wholeNumber } from "./rig/scenario.ts";
import { runTask } from "./toolchain.ts";

const benches: Readonly<Record<string, (options: BenchOptions) => Promise<boolean>>> = {
  virtlockd: benchVirtlockd,
  dmfilemapd: benchDmfilemapd,
  mdmpd: benchMdmpd,
  cmannotifyd: benchCmannotifyd,
  cmirrord: benchCmirrord,
};

function readOptions(): { daemons: readonly string[]; options: BenchOptions } {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      rounds: { type: "string", default: "3" },
      pairs: { type: "string", default: "20000" },
      idle: { type: "string", default: "60" },
      long: { type: "boolean", default: false },
    },
  });
  const unknown = positionals.find((name) => !(name in benches));
  if (unknown !== undefined) throw new Error(`no bench for "${unknown}"`);
  return {
    daemons: positionals.length > 0 ? positionals : Object.keys(benches),
    options: {
      rounds: wholeNumber(values.rounds, 100),
      pairs: wholeNumber(values.pairs, 10_000_000),
      idleSeconds: wholeNumber(values.idle, 600),
      long: values.long,
    },
  };
}

async function main(): Promise<number> {
  const { daemons, options } = readOptions();
  let failed = 0;
  for (const daemon of daemons) if (!await benches[daemon](options)) failed++;
  return failed === 0 ? 0 : 1;
}

await runTask("bench", main);
