/** The test files, and how each may be run. */
import { walk } from "@std/fs";
import { join, relative } from "@std/path";
import { root } from "../toolchain.ts";

/** How a group of test files is run. */
export interface Group {
  readonly files: readonly string[];
  /** Files that run side by side. */
  readonly jobs: number;
  /** A file that takes longer is killed, and has failed. */
  readonly limitSeconds: number;
}

/** Folders whose tests start libvirtd, QEMU or thousands of clients, or measure time: few of them side by side. */
const heavyFolders = ["tests/native/", "tests/fault/"];

/** Heavy files that spend minutes with waiting: they run beside the others. */
const waitingFiles = new Set([
  "tests/fault/soak.test.ts",
  "tests/fault/virtlockd_stall.test.ts",
]);

/** Folders whose tests run in machines of their own: many side by side, but nothing else that measures time. */
const rigFolders = ["tests/rig/"];

/** Those that take longest begin first, so that none of them is left to run alone. */
const longRigFiles = [
  "tests/rig/packages.test.ts",
  "tests/rig/mdmpd_trouble.test.ts",
  "tests/rig/mdmpd_many.test.ts",
  "tests/rig/mdmpd_heal.test.ts",
  "tests/rig/cmirrord_trouble.test.ts",
  "tests/rig/cmirrord_mixed.test.ts",
];

/** What a test of the rig may take, with up to three nodes. */
const RIG_TEST_BYTES = 2 ** 31;

/** A test of the rig keeps two thirds of a core busy: it waits for intervals and timeouts of what it tests. */
const RIG_TESTS_PER_CORE = 1.5;

/** Paths of all test files below tests/, relative to the checkout and sorted. */
export async function testFiles(): Promise<string[]> {
  const files: string[] = [];
  const entries: AsyncIterable<{ path: string }> = walk(join(root, "tests"), {
    includeDirs: false,
    match: [/\.test\.ts$/],
  });
  for await (const { path } of entries) files.push(relative(root, path));
  return files.sort();
}

/** What the tests may use of this machine. */
export interface Resources {
  readonly cores: number;
  readonly memoryBytes: number;
}

/** Divides test files into the groups that run one after the other. */
export function groups(
  files: readonly string[],
  { cores, memoryBytes }: Resources,
): { fast: Group; heavy: Group; waiting: Group; rig: Group } {
  const within = (folders: readonly string[]) => (file: string): boolean =>
    folders.some((folder) => file.startsWith(folder));
  const [isHeavy, isRig] = [within(heavyFolders), within(rigFolders)];
  const rigJobs = Math.floor(Math.min(cores * RIG_TESTS_PER_CORE, memoryBytes / RIG_TEST_BYTES));
  return {
    fast: {
      files: files.filter((file) => !isHeavy(file) && !isRig(file)),
      jobs: cores,
      limitSeconds: 600,
    },
    heavy: {
      files: files.filter((file) => isHeavy(file) && !waitingFiles.has(file)),
      jobs: Math.max(1, Math.floor(cores / 2)),
      limitSeconds: 1200,
    },
    waiting: {
      files: files.filter((file) => waitingFiles.has(file)),
      jobs: waitingFiles.size,
      limitSeconds: 1200,
    },
    rig: {
      files: longestFirst(files.filter(isRig)),
      jobs: Math.max(1, rigJobs),
      limitSeconds: 1200,
    },
  };
}

function longestFirst(files: readonly string[]): string[] {
  const isLong = (file: string): boolean => longRigFiles.includes(file);
  return [...files.filter(isLong), ...files.filter((file) => !isLong(file))];
}
