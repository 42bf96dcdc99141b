/** `deno task check`: format, lint and types of the whole checkout. */
import { type Finished, runDeno, runTask } from "./toolchain.ts";

/** What is checked, by the name the test report uses. */
export const checks: Readonly<Record<string, readonly string[]>> = {
  fmt: ["fmt", "--check"],
  lint: ["lint", "--compact"],
  types: ["check", "--lock=deno.lock", "."],
};

/** Runs one of `checks`. */
export function runCheck(name: string): Promise<Finished> {
  return runDeno(checks[name]);
}

async function main(): Promise<number> {
  let failed = 0;
  for (const name of Object.keys(checks)) {
    const { success, output } = await runCheck(name);
    console.log(success ? `${name}: ok` : `${name}: failed\n${output}`);
    if (!success) failed++;
  }
  return failed;
}

if (import.meta.main) await runTask("check", main);
