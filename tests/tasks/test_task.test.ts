/** `deno task test` on test files made for the purpose. */
import { assertEquals } from "@std/assert";
import { inParallel } from "../../tasks/test/pool.ts";
import { groups } from "../../tasks/test/files.ts";
import { parseJunit, withoutSteps } from "../../tasks/test/junit.ts";
import { fileResult, succeeded, summary } from "../../tasks/test/result.ts";
import { runFile } from "../../tasks/test/run_file.ts";
import { Checkout } from "./checkout.ts";

/** Runs test files, given by path and text, and resolves to the exit code and the lines printed. */
async function runTests(
  files: Record<string, string>,
  ...args: string[]
): Promise<[number, string[]]> {
  await using checkout = await Checkout.ofTasks(files);
  const { code, stdout } = await checkout.task(["test", "--only", "^tests/", ...args]);
  return [code, stdout.trimEnd().split("\n")];
}

const passing = `Deno.test("one passes", () => {});`;

Deno.test("the last line of a run counts the tests that passed", async () => {
  const [code, lines] = await runTests({
    "tests/a.test.ts": passing,
    "tests/b/c.test.ts": passing,
  });
  assertEquals([code, lines.at(-1)], [0, "2 passed, 0 failed"]);
});

Deno.test("a failing test fails the run, with its output and its name", async () => {
  const failing =
    `Deno.test("one <fails>", () => { console.log("clue"); throw new Error("why"); });`;
  const [code, lines] = await runTests({ "tests/a.test.ts": passing, "tests/b.test.ts": failing });
  assertEquals([code, lines.at(-1)], [1, "1 passed, 1 failed"]);
  assertEquals(lines.at(-2), "FAILED tests/b.test.ts: one <fails>");
  for (const shown of ["    clue", "    error: Error: why"]) {
    assertEquals(lines.includes(shown), true, shown);
  }
});

Deno.test("a skipped test is listed with its reason, and is no passed one", async () => {
  const skipping = `
    console.log("SKIPPED one is skipped: no such machine");
    Deno.test({ name: "one is skipped", ignore: true, fn() {} });
    Deno.test("steps", async (t) => { await t.step({ name: "too", ignore: true, fn() {} }); });`;
  const [code, lines] = await runTests({ "tests/a.test.ts": skipping });
  assertEquals([code, lines.at(-1)], [0, "1 passed, 0 failed, 2 skipped"]);
  assertEquals(lines.slice(-3, -1), [
    "SKIPPED one is skipped: no such machine",
    "SKIPPED steps > too: no reason given",
  ]);
});

Deno.test("a run in which nothing passed is no success", async () => {
  assertEquals(await runTests({ "tests/none.ts": "" }), [1, ["", "0 passed, 0 failed"]]);
});

Deno.test("a file that breaks outside of its tests, or holds none, has failed", async () => {
  const [code, lines] = await runTests({
    "tests/a.test.ts": `throw new Error("broken");`,
    "tests/b.test.ts": `export {};`,
    "tests/c.test.ts": `Deno.test("x", () => { Deno.kill(Deno.pid, "SIGKILL"); });`,
  });
  assertEquals([code, lines.at(-1)], [1, "0 passed, 3 failed"]);
  assertEquals(lines.slice(-4, -1), [
    "FAILED tests/a.test.ts: error outside of any test",
    "FAILED tests/b.test.ts: holds no test",
    "FAILED tests/c.test.ts: error outside of any test",
  ]);
});

Deno.test("--fast leaves out the heavy folders", async () => {
  const files = { "tests/a.test.ts": passing, "tests/native/b.test.ts": passing };
  assertEquals((await runTests(files, "--fast"))[1].at(-1), "1 passed, 0 failed");
  assertEquals((await runTests(files))[1].at(-1), "2 passed, 0 failed");
});

Deno.test("runFile kills a file that takes too long, with what it started", async () => {
  const pids = await Deno.makeTempFile();
  const slow = `Deno.test("slow", async () => {
    const sleep = new Deno.Command("sleep", { args: ["1000"] }).spawn();
    Deno.writeTextFileSync("${pids}", String(sleep.pid));
    await sleep.status;
  });`;
  await using checkout = await Checkout.ofTasks({ "tests/slow.test.ts": slow });
  const result = await runFile(`${checkout.path}/tests/slow.test.ts`, 3);
  assertEquals([result.passed, result.failed], [0, ["killed after 3 s"]]);
  assertEquals(await isRunning(Number(await Deno.readTextFile(pids))), false);
  await Deno.remove(pids);
});

Deno.test("a test file does not outlive a task that is killed with -9", async () => {
  const temporary = await Deno.makeTempDir();
  const pids = `${temporary}/pids`;
  await Deno.writeTextFile(pids, "");
  const slow = `Deno.test("slow", async () => {
    Deno.writeTextFileSync("${pids}", String(Deno.pid));
    await new Promise((resolve) => setTimeout(resolve, 1_000_000));
  });`;
  await using checkout = await Checkout.ofTasks({ "tests/slow.test.ts": slow });
  const task = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "tasks/test.ts", "--only", "^tests/"],
    cwd: checkout.path,
    env: { TMPDIR: temporary },
    stdout: "null",
  }).spawn();
  await until(async () => (await Deno.readTextFile(pids)) !== "");
  const test = Number(await Deno.readTextFile(pids));
  assertEquals(await isRunning(test), true);
  task.kill("SIGKILL");
  await task.status;
  await until(async () => !await isRunning(test));
  await Deno.remove(temporary, { recursive: true });
});

/** Waits until something holds, for at most half a minute. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("did not come about in half a minute");
}

/** Whether a process runs; one that is dead but not yet reaped does not. */
async function isRunning(pid: number): Promise<boolean> {
  try {
    return !/^State:\s+Z/m.test(await Deno.readTextFile(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test("parseJunit reads names, outcomes and nothing of a message", () => {
  const xml = `<testsuites><testsuite name="x">
    <testcase name="a &lt;&amp;&quot;&apos;&gt; b" classname="x"></testcase>
    <testcase name="c" classname="x"><failure message="&lt;skipped/&gt;">no</failure></testcase>
    <testcase name="d" classname="x">\n<skipped/>\n</testcase>
  </testsuite></testsuites>`;
  assertEquals(parseJunit(xml), [
    { name: `a <&"'> b`, outcome: "passed" },
    { name: "c", outcome: "failed" },
    { name: "d", outcome: "skipped" },
  ]);
});

Deno.test("withoutSteps drops steps, but no test whose name looks like one", () => {
  const names = ["a", "a > b", "a > b > c", "x > y"];
  const tests = withoutSteps(names.map((name) => ({ name, outcome: "passed" })));
  assertEquals(tests.map(({ name }) => name), ["a", "x > y"]);
});

Deno.test("summary leaves out the skipped when there are none", () => {
  const ending = { file: "f", success: true, seconds: 1, output: "" };
  const one = fileResult(ending, [{ name: "a", outcome: "passed" }]);
  const other = fileResult(ending, [{ name: "b", outcome: "skipped" }]);
  assertEquals([summary([one]), summary([one, other])], [
    "1 passed, 0 failed",
    "1 passed, 0 failed, 1 skipped",
  ]);
  assertEquals([succeeded([one, other]), succeeded([other]), succeeded([])], [true, false, false]);
});

Deno.test("groups keeps heavy files apart, and fewer of them side by side", () => {
  const waiters = ["tests/fault/soak.test.ts", "tests/fault/virtlockd_stall.test.ts"];
  const files = ["tests/a.test.ts", "tests/fault/b.test.ts", ...waiters, "tests/rig/c.test.ts"];
  const { fast, heavy, waiting, rig } = groups(files, { cores: 4, memoryBytes: 2 ** 33 });
  assertEquals([fast.files, fast.jobs], [["tests/a.test.ts"], 4]);
  assertEquals([heavy.files, heavy.jobs], [["tests/fault/b.test.ts"], 2]);
  assertEquals([waiting.files, waiting.jobs], [waiters, 2]);
  assertEquals([rig.files, rig.jobs], [["tests/rig/c.test.ts"], 4]);
});

Deno.test("groups runs as many tests of the rig as cores and memory allow", () => {
  const { heavy, rig } = groups([], { cores: 1, memoryBytes: 2 ** 30 });
  assertEquals([heavy.jobs, rig.jobs], [1, 1]);
  assertEquals(groups([], { cores: 8, memoryBytes: 2 ** 32 }).rig.jobs, 2);
  assertEquals(groups([], { cores: 2, memoryBytes: 2 ** 34 }).rig.jobs, 3);
});

Deno.test("inParallel runs so many at a time and keeps the order", async () => {
  let [now, most] = [0, 0];
  const results = await inParallel([5, 1, 3, 2, 4], 2, async (item) => {
    most = Math.max(most, ++now);
    await new Promise((resolve) => setTimeout(resolve, item));
    now--;
    return item * 10;
  });
  assertEquals([results, most], [[50, 10, 30, 20, 40], 2]);
});
