/**
 * `deno task test [--only PATTERN] [--fast]`: sets up what the tests need, checks format, lint and types, builds, and runs
 * every test file. The last line says how it went: `N passed, N failed[, N skipped]`.
 *
 * --only runs the checks and test files whose name or path matches a regular expression; --fast leaves out the heavy
 * folders of tasks/test/files.ts.
 */
import { parseArgs } from "node:util";
import { buildAll } from "./build.ts";
import { checks, runCheck } from "./check.ts";
import { rigPackages } from "./rig/requirements.ts";
import { ensurePackages } from "./setup.ts";
import { type Group, groups, testFiles } from "./test/files.ts";
import { inParallel } from "./test/pool.ts";
import { showEnd, showResult } from "./test/report.ts";
import { type Result, succeeded } from "./test/result.ts";
import { killAll, runFile } from "./test/run_file.ts";
import { runTask } from "./toolchain.ts";

/** The C compiler and headers for layouts, the original daemon and who talks to it, what looks at ours and at packages, a browser, the rig. */
const packages = [
  "gcc",
  "libc6-dev",
  ...(Deno.build.arch === "x86_64"
    ? ["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"]
    : []),
  "libvirt-daemon-system",
  "libvirt-clients",
  "libvirt-daemon",
  "libvirt-daemon-driver-qemu",
  "qemu-utils",
  "corosync",
  "corosync-notifyd",
  "iproute2",
  "lintian",
  "rpm",
  "rpmlint",
  "apparmor",
  "libcfg-dev",
  "libcmap-dev",
  "libcorosync-common-dev",
  "libcpg-dev",
  "libquorum-dev",
  "libvotequorum-dev",
  "strace",
  "systemd",
  "mandoc",
  "procps",
  "util-linux",
  "zsh",
  "fish",
  "chromium",
  "fonts-dejavu-core",
  ...rigPackages,
];

/** A named step that is not a test file: done, or failed with what it printed. */
type Check = () => Promise<{ success: boolean; output: string }>;

const allChecks: Record<string, Check> = {
  ...Object.fromEntries(Object.keys(checks).map((name) => [name, () => runCheck(name)])),
  build: buildCheck,
};

async function buildCheck(): ReturnType<Check> {
  try {
    await buildAll([]);
    return { success: true, output: "" };
  } catch (error) {
    return { success: false, output: error instanceof Error ? error.message : String(error) };
  }
}

async function runNamedCheck(name: string): Promise<Result> {
  const began = performance.now();
  const { success, output } = await allChecks[name]();
  const result: Result = {
    name,
    passed: success ? 1 : 0,
    failed: success ? [] : [name],
    skipped: [],
    seconds: (performance.now() - began) / 1000,
    output,
  };
  showResult(result);
  return result;
}

async function runGroup(group: Group): Promise<Result[]> {
  return await inParallel(group.files, group.jobs, async (file) => {
    const result = await runFile(file, group.limitSeconds);
    showResult(result);
    return result;
  });
}

function stopOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      killAll();
      Deno.exit(130);
    });
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { only: { type: "string", default: "" }, fast: { type: "boolean", default: false } },
  });
  const wanted = (name: string): boolean => new RegExp(values.only).test(name);
  stopOnSignals();
  await ensurePackages("the tests", packages);
  const cores = navigator.hardwareConcurrency;
  const resources = { cores, memoryBytes: Deno.systemMemoryInfo().available };
  const { fast, heavy, waiting, rig } = groups((await testFiles()).filter(wanted), resources);
  const results = [
    ...await inParallel(Object.keys(allChecks).filter(wanted), cores, runNamedCheck),
    ...await runGroup(fast),
    ...values.fast ? [] : (await Promise.all([runGroup(heavy), runGroup(waiting)])).flat(),
    ...values.fast ? [] : await runGroup(rig),
  ];
  showEnd(results);
  return succeeded(results) ? 0 : 1;
}

if (import.meta.main) await runTask("test", main);
