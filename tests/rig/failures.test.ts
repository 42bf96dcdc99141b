/** What the rig calls a failure. */
import { assertEquals } from "@std/assert";
import { runText } from "./helpers/scenario_file.ts";
import { rigTest } from "./helpers/scenario_test.ts";

/** What is said against a run of a scenario, without the end that depends on chance. */
async function faultsOf(text: string, limitSeconds = 120): Promise<string[]> {
  await using run = await runText(text, { limitSeconds, cpus: 1 });
  assertEquals(run.ok, false);
  return run.faults.map((fault) => fault.replace(/killed after \d+ s/, "killed"));
}

await rigTest(
  "a failed check fails a run, with the command, its status and what it printed",
  async () => {
    await using run = await runText(`
    check "this holds" true
    check "a \\"quoted\\" name" sh -c 'printf "two\\nlines\\t\\\\"; exit 7'
    equal "numbers" 1 2
  `);
    assertEquals([run.ok, run.faults], [false, []]);
    assertEquals(run.checks.map(({ name, ok }) => [name, ok]), [
      ["this holds", true],
      ['a "quoted" name', false],
      ["numbers", false],
    ]);
    const [, printed, numbers] = run.checks;
    assertEquals(printed.detail.startsWith("status 7 of: sh -c"), true, printed.detail);
    assertEquals(printed.detail.endsWith("two\nlines\t\\"), true, printed.detail);
    assertEquals(numbers.detail, "wanted 1, but it is 2");
  },
);

await rigTest("a scenario without a check is a failure", async () => {
  assertEquals(await faultsOf("note only"), ["no check was made"]);
});

await rigTest("a scenario that ends early is a failure", async () => {
  const faults = await faultsOf(`check "a" true; give_up "b" "no sense in more"; check "c" true`);
  assertEquals(faults, ["node1 the scenario ended with status 1"]);
});

await rigTest("a kernel that panics is a failure, and keeps the checks before it", async () => {
  await using run = await runText(`check "a" true; echo c >/proc/sysrq-trigger; check "b" true`);
  assertEquals(run.checks.map(({ name }) => name), ["a"]);
  assertEquals(run.faults, [
    "node1 Kernel panic - not syncing: sysrq triggered crash",
    "node1 ended before the scenario was done",
  ]);
});

await rigTest("a scenario over its limit is killed, and a failure", async () => {
  assertEquals(await faultsOf(`check "a" true; sleep 1000`, 15), [
    "node1 killed",
    "node1 ended before the scenario was done",
  ]);
});
