/** What a test run shows while it goes on and at its end. */
import { type Result, summary } from "./result.ts";

/** Lines of a failed file's output that are shown; the errors are at its end. */
const outputLines = 1000;

/** One line for a file or check that has ended; the whole output of one that has failed. */
export function showResult(result: Result): void {
  const counts = [`${result.passed} passed`];
  if (result.failed.length > 0) counts.push(`${result.failed.length} FAILED`);
  if (result.skipped.length > 0) counts.push(`${result.skipped.length} skipped`);
  console.log(`${result.name}: ${counts.join(", ")} (${result.seconds.toFixed(1)} s)`);
  if (result.failed.length > 0) console.log(indent(lastLines(result.output)));
}

/** What failed, what was skipped and why, and the summary as the very last line. */
export function showEnd(results: readonly Result[]): void {
  console.log();
  for (const { name, failed } of results) {
    for (const test of failed) {
      console.log(test === name ? `FAILED ${name}` : `FAILED ${name}: ${test}`);
    }
  }
  for (const { skipped } of results) {
    for (const { name, reason } of skipped) console.log(`SKIPPED ${name}: ${reason}`);
  }
  console.log(summary(results));
}

function lastLines(output: string): string {
  const lines = output.trimEnd().split("\n");
  const left = lines.length - outputLines;
  return left <= 0 ? lines.join("\n") : [`… ${left} lines`, ...lines.slice(left)].join("\n");
}

/** Keeps a line of a test's output from passing for one of ours. */
function indent(text: string): string {
  return text.replace(/^/gm, "    ");
}
