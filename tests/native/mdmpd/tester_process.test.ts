/** The start of a tester where descriptors run out. */
import { assertEquals } from "@std/assert";
import "../../bind_libc.ts";
import { startTester } from "../../../daemons/mdmpd/effects/tester_process.ts";
import { Errno } from "../../../ffi/errno.ts";
import { closeDescriptor } from "../../../ffi/file.ts";
import { waitForChild } from "../../../ffi/process.ts";
import { systemCall } from "../../../ffi/system_call.ts";

/** sys/resource.h */
const RLIMIT_NOFILE = 7;
/** Of the next numbers, so many can be had. */
const MARGIN = 40n;
/** Two pipes and the process. */
const NEEDED = 5;

const program = { path: "/bin/true", calledAs: "true", args: [], environment: new Map() };

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Pids of this process's children, those included that have ended and were not waited for. */
function children(): string {
  const tasks = [...Deno.readDirSync("/proc/self/task")].map(({ name }) => name);
  return tasks.map((task) => Deno.readTextFileSync(`/proc/self/task/${task}/children`)).join("");
}

/** Does something while this process may open no more than so many files. */
function withDescriptors<T>(free: number, body: () => T): T {
  const limits = new BigUint64Array(2);
  const bytes = new Uint8Array(limits.buffer);
  systemCall("prlimit64", 0, RLIMIT_NOFILE, 0, bytes);
  const low = BigUint64Array.of(BigInt(descriptors()) + MARGIN, limits[1]);
  const files: Deno.FsFile[] = [];
  try {
    systemCall("prlimit64", 0, RLIMIT_NOFILE, new Uint8Array(low.buffer), 0);
    for (let file = open(); file !== undefined; file = open()) files.push(file);
    for (let i = 0; i < free; i++) files.pop()?.close();
    return body();
  } finally {
    systemCall("prlimit64", 0, RLIMIT_NOFILE, bytes, 0);
    for (const file of files) file.close();
  }
}

function open(): Deno.FsFile | undefined {
  try {
    return Deno.openSync("/dev/null");
  } catch {
    return undefined;
  }
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
