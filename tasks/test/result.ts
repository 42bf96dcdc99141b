/** What came of one test file or one check, and the sum of it all. */
import { type TestCase, withoutSteps } from "./junit.ts";

export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export interface Result {
  /** Path of the test file, or name of the check. */
  readonly name: string;
  readonly passed: number;
  /** Names of the tests that failed. */
  readonly failed: readonly string[];
  readonly skipped: readonly Skipped[];
  readonly seconds: number;
  /** All that was printed. */
  readonly output: string;
}

/** How the process of a test file ended. */
export interface Ending {
  readonly file: string;
  readonly success: boolean;
  /** Set when it was killed for taking longer. */
  readonly limitSeconds?: number;
  readonly seconds: number;
  readonly output: string;
}

/** Counts the tests of a file. What kept the file from running to its end is a failure of its own. */
export function fileResult(ending: Ending, reported: readonly TestCase[]): Result {
  const tests = withoutSteps(reported);
  const named = (outcome: TestCase["outcome"]): string[] =>
    tests.filter((test) => test.outcome === outcome).map(({ name }) => name);
  const failed = named("failed");
  const broken = whatBroke(ending, tests.length, failed.length);
  return {
    name: ending.file,
    passed: named("passed").length,
    failed: broken === undefined ? failed : [...failed, broken],
    skipped: named("skipped").map((name) => ({ name, reason: reasonFor(name, ending.output) })),
    seconds: ending.seconds,
    output: ending.output,
  };
}

function whatBroke(ending: Ending, tests: number, failed: number): string | undefined {
  if (ending.limitSeconds !== undefined) return `killed after ${ending.limitSeconds} s`;
  if (!ending.success && failed === 0) return "error outside of any test";
  return tests === 0 ? "holds no test" : undefined;
}

/** A test that cannot run prints `SKIPPED NAME: REASON`. */
function reasonFor(name: string, output: string): string {
  const prefix = `SKIPPED ${name}: `;
  const line = output.split("\n").find((line) => line.startsWith(prefix));
  return line?.slice(prefix.length) ?? "no reason given";
}

/** The last line of a test run. */
export function summary(results: readonly Result[]): string {
  const count = (of: (result: Result) => number): number =>
    results.reduce((sum, result) => sum + of(result), 0);
  const passed = count((result) => result.passed);
  const skipped = count((result) => result.skipped.length);
  const line = `${passed} passed, ${count((result) => result.failed.length)} failed`;
  return skipped === 0 ? line : `${line}, ${skipped} skipped`;
}

/** Whether the run may be called a success: something passed and nothing failed. */
export function succeeded(results: readonly Result[]): boolean {
  return results.some((result) => result.passed > 0) &&
    results.every((result) => result.failed.length === 0);
}
