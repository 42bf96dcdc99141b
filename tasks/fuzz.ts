/**
 * `deno task fuzz [--cases N] [--seed S]`: random frames against the decoder and the machine of virtlockd's lock program. The
 * tests do the same with fewer. A failure prints the frame, its number and the seed, and exits 1.
 */
import { parseArgs } from "node:util";
import { LockCases } from "../tests/fuzz/lock_cases.ts";
import { LockOracle } from "../tests/fuzz/lock_oracle.ts";
import { runTask } from "./toolchain.ts";

const DEFAULT_CASES = "100000000";
/** How often the progress is told. */
const REPORT_MS = 10_000;

/** An option that is a whole number. Throws when it is not. */
function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`--${name}: "${text}" is no number`);
  }
  return value;
}

function readOptions(): { cases: number; seed: number } {
  const { values } = parseArgs({
    args: Deno.args,
    options: {
      cases: { type: "string", default: DEFAULT_CASES },
      seed: { type: "string", default: String(Date.now()) },
    },
  });
  return { cases: wholeNumber("cases", values.cases), seed: wholeNumber("seed", values.seed) };
}

/** Checks the current case; false, with all there is to say, when something does not hold. */
function holds(oracle: LockOracle, { bytes, length }: LockCases, seed: number, n: number): boolean {
  try {
    oracle.check(bytes, length);
    return true;
  } catch (error) {
    console.error(
      `case ${n} of seed ${seed} failed: ${error instanceof Error ? error.stack : error}`,
    );
    console.error(`frame of ${length} bytes: ${bytes.subarray(0, length).toHex()}`);
    return false;
  }
}

function main(): Promise<number> {
  const { cases: count, seed } = readOptions();
  const oracle = new LockOracle();
  const cases = new LockCases(seed);
  console.log(`${count} frames of seed ${seed}`);
  let reported = performance.now();
  for (let n = 0; n < count; n++) {
    cases.next();
    if (!holds(oracle, cases, seed, n)) return Promise.resolve(1);
    if (n % 10_000 === 0 && performance.now() - reported >= REPORT_MS) {
      reported = performance.now();
      console.log(`${n} of ${count}`);
    }
  }
  const { unknown, refused, decoded } = oracle.tally;
  console.log(
    `${count} frames: ${decoded} decoded, ${refused} refused, ${unknown} of no procedure`,
  );
  return Promise.resolve(0);
}

await runTask("fuzz", main);
