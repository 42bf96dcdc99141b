/** The start of a tester where descriptors run out. */
import { assertEquals } from "@std/assert";
import "../../bind_libc.ts";
import { startTester } from "../../../daemons/mdmpd/effects/tester_process.ts";
import { Errno } from "../../../ffi/errno.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { waitForChild } from "../../../ffi/process.ts";
import { descriptors, withDescriptors } from "./few_descriptors.ts";

/** Two pipes and the process. */
const NEEDED = 5;

const program = { path: "/bin/true", calledAs: "true", args: [], environment: new Map() };

/** Pids of this process's children, those included that have ended and were not waited for. */
function children(): string {
  const tasks = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => name);
  return tasks.map((task) => Deno.readTextFileSync(`/proc/self/task/${task}/children`)).join("");
}

function tryToStart(): string {
  try {
    const { pid, pidFd, input, output } = startTester(program);
    for (const fd of [pidFd, input, output]) closeDescriptor(fd);
    waitForChild(pid);
    return "started";
  } catch (error) {
    if (error instanceof Errno) return "no descriptors";
    throw error;
  }
}

Deno.test("startTester leaves neither descriptors nor processes behind where it cannot start one", () => {
  for (let free = 0; free <= NEEDED; free++) {
    const before = [descriptors(), children()];
    const outcome = withDescriptors(free, tryToStart);
    assertEquals(outcome, free < NEEDED ? "no descriptors" : "started", `${free} descriptors`);
    assertEquals([descriptors(), children()], before, `${free} descriptors`);
  }
});

Deno.test("startTester may end a tester that it cannot watch: nothing it does there is the daemon's end", async () => {
  const child = new URL("confined_tester.ts", import.meta.url).pathname;
  const { stdout, signal } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", child],
    stderr: "inherit",
  }).output();
  assertEquals([new TextDecoder().decode(stdout).trim(), signal], ["pidfd_open", null]);
});
