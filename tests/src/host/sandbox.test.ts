/** The sandbox around a compiled program, tried from inside. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { EACCES, EAFNOSUPPORT, ENOSYS, EOPNOTSUPP, EPERM } from "../../../ffi/errno.ts";
import { landlockAbi } from "../../../ffi/landlock.ts";
import { syscallNumber } from "../../../ffi/syscalls.ts";
import type { SandboxPolicy } from "../../../src/host/sandbox.ts";
import { filterTable, FORBIDDEN_SYSCALLS } from "../../../src/host/sandbox_calls.ts";
import { pathRules } from "../../../src/host/sandbox_paths.ts";
import type { Attempt } from "../../ffi/attempts.ts";
import { CompiledProgram } from "./compiled.ts";
import type { SandboxOrder, SandboxStart } from "./sandboxed_program.ts";

const isRoot = Deno.uid() === 0;
const program = await CompiledProgram.of("tests/src/host/sandboxed_program.ts");
const scratch = await Deno.makeTempDir({ prefix: "hostkeep-sandbox-" });
for (const folder of ["run", "data", "elsewhere"]) await Deno.mkdir(`${scratch}/${folder}`);
for (const file of ["data/file", "elsewhere/file"]) {
  await Deno.writeTextFile(`${scratch}/${file}`, "");
}
await Deno.chmod(scratch, 0o755);

Deno.test.afterAll(async () => {
  await program[Symbol.asyncDispose]();
  await Deno.remove(scratch, { recursive: true });
});

/** A daemon that keeps to its folders; unlisted calls kill it. */
const strict: SandboxPolicy = {
  libraries: ["libc.so.6"],
  paths: [
    { path: "$run", rights: ["read", "write", "create", "socket"], why: "" },
    { path: `${scratch}/data`, rights: ["read"], why: "" },
    { path: "/proc", rights: ["read"], why: "" },
  ],
  capabilities: [{ name: "CAP_DAC_OVERRIDE", why: "" }],
  syscalls: [{ names: ["kill"], why: "" }],
  otherSyscalls: "kill",
};

/** A daemon that reads and writes anywhere and executes itself again; unlisted calls fail. */
const roaming: SandboxPolicy = {
  ...strict,
  paths: [
    { path: "/", rights: ["read", "write", "create"], why: "" },
    { path: "$run", rights: ["socket"], why: "" },
    { path: "$program", rights: ["execute"], why: "" },
    { path: "/lib64/ld-linux-x86-64.so.2", rights: ["execute"], why: "" },
    { path: "/lib/ld-linux-aarch64.so.1", rights: ["execute"], why: "" },
  ],
  capabilities: ["CAP_DAC_OVERRIDE", "CAP_KILL"].map((name) => ({ name, why: "" })),
  syscalls: [{ names: ["execve", "kill", "clone", "wait4"], why: "" }],
  otherSyscalls: "errno",
};

interface Outcome {
  readonly starts: SandboxStart[];
  readonly results: number[];
  readonly signal: Deno.Signal | null;
  readonly stderr: string;
}

/** Runs the program, perhaps through another one in front such as setpriv. */
async function enter(
  order: Omit<SandboxOrder, "places" | "attempts"> & Partial<SandboxOrder>,
  front: readonly string[] = [],
): Promise<Outcome> {
  const places = { run: `${scratch}/run`, program: program.folder };
  const full: SandboxOrder = { places, attempts: [], ...order };
  const [command, ...args] = [...front, program.path, JSON.stringify(full)];
  const output = await new Deno.Command(command, { args, env: { NO_COLOR: "1" } }).output();
  const decoder = new TextDecoder();
  const lines = decoder.decode(output.stdout).trim().split("\n").map((line) => JSON.parse(line));
  return {
    starts: lines.filter((line): line is SandboxStart => typeof line === "object"),
    results: lines.filter((line): line is number => typeof line === "number"),
    signal: output.signal,
    stderr: decoder.decode(output.stderr),
  };
}

/** Attempts and what each should give. */
async function assertResults(
  policy: SandboxPolicy,
  expected: readonly (readonly [Attempt, number])[],
): Promise<void> {
  const { results, signal } = await enter({ policy, attempts: expected.map(([one]) => one) });
  const shown = expected.map(([one], i) => [one.join(" "), results[i]]);
  assertEquals(shown, expected.map(([one, code]) => [one.join(" "), code]));
  assertEquals(signal, null);
}

const needsLandlock = landlockAbi() < 6 ? "needs Landlock ABI 6" : "";

// The C library stays open in the test as everywhere.
function test(name: string, body: () => Promise<void> | void, unless = ""): void {
  if (unless !== "") console.log(`SKIPPED ${name}: ${unless}`);
  Deno.test(name, { ignore: unless !== "", sanitizeResources: false }, body);
}

test("enterSandbox covers the whole process, and the kernel agrees", async () => {
  const { starts: [{ status = {}, complete, description }] } = await enter({ policy: roaming });
  assertEquals([status.Threads, status.NoNewPrivs], ["1", "1"]);
  assertEquals([status.Seccomp, status.Seccomp_filters], ["2", "1"]);
  const mask = isRoot ? "0000000000000022" : "0000000000000000"; // bits 1 and 5
  const { CapInh, CapPrm, CapEff, CapBnd, CapAmb } = status;
  assertEquals([CapPrm, CapEff], [mask, mask]);
  if (isRoot) assertEquals(CapBnd, mask);
  assertEquals([CapInh, CapAmb], ["0000000000000000", "0000000000000000"]);
  assertEquals(complete, true, description);
  const held = isRoot ? "CAP_DAC_OVERRIDE CAP_KILL" : "none";
  assertStringIncludes(description, `no_new_privs; capabilities: ${held}; Landlock: ABI `);
}, needsLandlock);

test("enterSandbox leaves the paths of the policy and no others", async () => {
  await assertResults(strict, [
    [["read", `${scratch}/data/file`], 0],
    [["write", `${scratch}/data/file`], EACCES],
    [["create", `${scratch}/data/new`], EACCES],
    [["create", `${scratch}/run/new`], 0],
    [["bindUnix", `${scratch}/run/socket`], 0],
    [["read", `${scratch}/elsewhere/file`], EACCES],
    [["read", "/etc/shadow"], EACCES],
    [["read", "/"], EACCES],
    [["bindUnix", `${scratch}/data/socket`], EACCES],
  ]);
}, needsLandlock);

test("enterSandbox grants what only the command line knows", async () => {
  const paths = [{ path: `${scratch}/elsewhere`, rights: ["read"], why: "--config" }] as const;
  const attempts: Attempt[] = [["read", `${scratch}/elsewhere/file`], ["read", "/etc/passwd"]];
  const { results } = await enter({ policy: strict, options: { paths }, attempts });
  assertEquals(results, [0, EACCES]);
}, needsLandlock);

test("enterSandbox refuses, with an errno, what a roaming daemon may not do", async () => {
  await assertResults(roaming, [
    [["create", `${scratch}/elsewhere/new`], 0],
    [["mkdir", `${scratch}/elsewhere/made`], 0],
    [["bindUnix", `${scratch}/elsewhere/socket`], EACCES],
    [["bindUnix", `${scratch}/run/socket`], 0],
    [["execute", "/bin/true"], EACCES],
    [["symlink", `${scratch}/elsewhere/link`], EPERM],
    [["makeFifo", `${scratch}/elsewhere/fifo`], EPERM],
    [["makeDevice", `${scratch}/elsewhere/device`], EPERM],
    [["rmdir", `${scratch}/elsewhere/made`], isRmdirACall ? EPERM : EACCES],
    [["socket", "1"], 0],
    [["socket", "2"], EAFNOSUPPORT],
    [["socket", "10"], EAFNOSUPPORT],
    [["socket", "16"], EAFNOSUPPORT],
    [["connectTcp", "1"], EAFNOSUPPORT],
    [["regainCapabilities"], EPERM],
    [["typeIntoTerminal", "/dev/null"], EPERM],
    [["signal", String(Deno.pid)], 0],
    [["call", String(syscallNumber("clone3"))], ENOSYS],
    [["call", "451"], ENOSYS],
  ]);
}, needsLandlock);

/** aarch64 has rmdir as a flag of unlinkat. */
const isRmdirACall = Deno.build.arch === "x86_64";

test("enterSandbox keeps signals within, without CAP_KILL", async () => {
  await assertResults(strict, [[["signal", String(Deno.pid)], EPERM], [["signal", "0"], 0]]);
}, needsLandlock);

for (const attempt of [["traceMe"], ["mount"], ["chroot"], ["unshare"]] as Attempt[]) {
  test(`enterSandbox ends a process that tries ${attempt[0]}, whatever its policy`, async () => {
    const { results, signal } = await enter({ policy: roaming, attempts: [attempt] });
    assertEquals([results, signal], [[], "SIGSYS"]);
  });
}

test("enterSandbox ends a process at a call of x32", async () => {
  const { results, signal } = await enter({ policy: roaming, attempts: [["x32", "39"]] });
  assertEquals([results, signal], [[], "SIGSYS"]);
}, Deno.build.arch === "x86_64" ? "" : "x32 is an ABI of x86-64");

test("enterSandbox ends a strict daemon at a call that is not listed", async () => {
  const attempts: Attempt[] = [["execute", "/bin/true"]];
  const { results, signal } = await enter({ policy: strict, attempts });
  assertEquals([results, signal], [[], "SIGSYS"]);
});

test("enterSandbox finds itself entered after a re-exec, and puts nothing on top", async () => {
  const places = { run: `${scratch}/run`, program: program.folder };
  const last = { policy: roaming, places, attempts: [["execute", "/bin/true"]] };
  const middle = { ...last, attempts: [], become: [program.path, JSON.stringify(last)] };
  const become = [program.path, JSON.stringify(middle)];
  const { starts, results } = await enter({ policy: roaming, become });
  assertEquals(starts.map(({ complete }) => complete), [true, true, true]);
  assertEquals(starts.map(({ status }) => status?.Seccomp_filters), ["1", "1", "1"]);
  for (const { description } of starts.slice(1)) {
    assertStringIncludes(description, "Landlock: inherited; seccomp: inherited");
  }
  assertEquals(results, [EACCES]);
}, needsLandlock);

test("enterSandbox narrows further for a successor with another policy", async () => {
  const places = { run: `${scratch}/run`, program: program.folder };
  const narrower = { ...strict, paths: [...strict.paths.slice(0, 2), ...roaming.paths.slice(2)] };
  const attempts: Attempt[] = [["read", `${scratch}/data/file`], ["read", "/etc/passwd"]];
  const become = [program.path, JSON.stringify({ policy: narrower, places, attempts })];
  const { starts, results } = await enter({ policy: roaming, become });
  assertStringIncludes(starts[1].description, "Landlock: ABI ");
  assertEquals(results, [0, EACCES]);
}, needsLandlock);

for (
  const [errno, text] of [[ENOSYS, "Function not implemented"], [
    EOPNOTSUPP,
    "Operation not supported",
  ]] as const
) {
  test(`enterSandbox goes on without Landlock: ${text}`, async () => {
    const calls = ["landlock_create_ruleset"];
    const attempts: Attempt[] = [["read", "/etc/passwd"], ["socket", "2"]];
    const { starts: [start], results } = await enter({
      policy: roaming,
      missing: { calls, errno },
      attempts,
    });
    assertEquals([start.complete, start.status?.Seccomp], [false, "2"]);
    assertStringIncludes(start.description, `; Landlock: off, ${text}; seccomp: `);
    assertEquals(results, [0, EAFNOSUPPORT]);
  });
}

test("enterSandbox goes on without seccomp, and without capset", async () => {
  const missing = { calls: ["seccomp", "capset"], errno: EPERM };
  const attempts: Attempt[] = [["read", "/etc/passwd"], ["socket", "2"]];
  const { starts: [start], results } = await enter({ policy: strict, missing, attempts });
  assertEquals(start.complete, false);
  assertStringIncludes(start.description, "seccomp: off, Operation not permitted");
  if (isRoot) assertStringIncludes(start.description, "capabilities: off, capset: Operation not");
  assertEquals(results, [EACCES, 0]);
}, needsLandlock);

test("enterSandbox asks a service manager's filter for no capset that is not needed", async () => {
  const missing = { calls: ["capset"], errno: EPERM };
  const kept = "+dac_override,+kill";
  const front = ["setpriv", `--bounding-set=-all,${kept}`, "--inh-caps=-all"];
  const { starts: [start] } = await enter({ policy: roaming, missing }, front);
  assertEquals(start.complete, true, start.description);
  assertStringIncludes(start.description, "capabilities: CAP_DAC_OVERRIDE CAP_KILL;");
}, isRoot ? needsLandlock : "needs root");

test("enterSandbox works for a user without privileges", async () => {
  const front = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const attempts: Attempt[] = [["read", "/etc/passwd"], ["socket", "2"], ["execute", "/bin/true"]];
  const { starts: [start], results } = await enter({ policy: roaming, attempts }, front);
  assertEquals([start.complete, results], [true, [0, EAFNOSUPPORT, EACCES]]);
  assertStringIncludes(start.description, "capabilities: none;");
}, isRoot ? needsLandlock : "the other tests run without privileges");

test("filterTable refuses a manifest that lists a forbidden or an unknown call", () => {
  const table = (name: string): unknown =>
    filterTable({ syscalls: [{ names: [name], why: "" }], otherSyscalls: "kill" }, "x86_64");
  for (const name of [...FORBIDDEN_SYSCALLS, "clone3"]) {
    assertThrows(() => table(name), RangeError, `"${name}", which none may have`);
  }
  assertThrows(() => table("opne"), RangeError, `"opne"`);
  assertThrows(() => table("socket(AF_INET)"), RangeError, `"AF_INET"`);
});

test("filterTable admits the address families that a manifest lists", () => {
  const syscalls = [{ names: ["socket(AF_NETLINK)"], why: "" }];
  const { rules } = filterTable({ syscalls, otherSyscalls: "kill" }, "x86_64");
  const socket = rules.find(({ number }) => number === syscallNumber("socket", "x86_64"));
  const families = socket?.cases?.flatMap(({ tests }) =>
    tests.map((one) => "equals" in one ? one.equals : undefined)
  );
  assertEquals(families, [1, 16]);
});

test("pathRules puts places in and refuses one that is not given", () => {
  const grant = (path: string) => [{ path, rights: ["execute"], why: "" }] as const;
  const [rule] = pathRules(grant("$run/x"), { run: "/run/y" });
  assertEquals([rule.path, rule.rights], ["/run/y/x", 1]);
  const twice = pathRules(grant("$program"), { program: ["/a", "/b", "/a"] });
  assertEquals(twice.map(({ path }) => path), ["/a", "/b"]);
  assertThrows(() => pathRules(grant("$log"), { run: "/run/y" }), RangeError, `"$log"`);
});
