/**
 * `deno task fuzz [DAEMON…] [--cases N] [--seed S]`: random input against everything of the daemons that reads what others wrote.
 * The tests do the same with fewer cases. A failure prints the case, its number and the seed, and exits 1.
 */
import { parseArgs } from "node:util";
import { cmirrordTargets } from "../tests/fuzz/cmirrord_targets.ts";
import { dmfilemapdTargets } from "../tests/fuzz/dmfilemapd_targets.ts";
import { LockTarget } from "../tests/fuzz/lock_target.ts";
import { mdmpdTargets } from "../tests/fuzz/mdmpd_targets.ts";
import type { FuzzTarget } from "../tests/fuzz/target.ts";
import { runTask } from "./toolchain.ts";

const DEFAULT_CASES = "100000000";
/** How often the progress is told. */
const REPORT_MS = 10_000;

const targetsOf: Readonly<Record<string, (seed: number) => FuzzTarget[]>> = {
  virtlockd: (seed) => [new LockTarget(seed)],
  dmfilemapd: dmfilemapdTargets,
  cmirrord: cmirrordTargets,
  mdmpd: mdmpdTargets,
};

/** An option that is a whole number. Throws when it is not. */
function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`--${name}: "${text}" is no number`);
  }
  return value;
}

interface Options {
  readonly daemons: readonly string[];
  readonly cases: number;
  readonly seed: number;
}

function readOptions(): Options {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: {
      cases: { type: "string", default: DEFAULT_CASES },
      seed: { type: "string", default: String(Date.now()) },
    },
  });
  const known = Object.keys(targetsOf);
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new Error(`no fuzz for "${unknown}", but for ${known.join(", ")}`);
  }
  return {
    daemons: positionals.length > 0 ? positionals : known,
    cases: wholeNumber("cases", values.cases),
    seed: wholeNumber("seed", values.seed),
  };
}

/** Makes and checks a case; false, with all there is to say, when something does not hold. */
function holds(target: FuzzTarget, seed: number, n: number): boolean {
  try {
    target.step();
    return true;
  } catch (error) {
    const what = error instanceof Error ? error.stack : error;
    console.error(`${target.name}: case ${n} of seed ${seed} failed: ${what}`);
    console.error(target.describe());
    return false;
  }
}

function main(): Promise<number> {
  const { daemons, cases, seed } = readOptions();
  const targets = daemons.flatMap((daemon) => targetsOf[daemon](seed));
  console.log(`${cases} cases of seed ${seed} for ${daemons.join(", ")}`);
  let reported = performance.now();
  for (let n = 0; n < cases; n++) {
    if (!holds(targets[n % targets.length], seed, n)) return Promise.resolve(1);
    if (n % 10_000 === 0 && performance.now() - reported >= REPORT_MS) {
      reported = performance.now();
      console.log(`${n} of ${cases}`);
    }
  }
  for (const { name, tally } of targets) {
    const endings = Object.entries(tally).map(([ending, count]) => `${count} ${ending}`);
    console.log(`${name}: ${endings.join(", ")}`);
  }
  return Promise.resolve(0);
}

await runTask("fuzz", main);
