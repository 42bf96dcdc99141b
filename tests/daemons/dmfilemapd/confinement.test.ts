/** What a running dmfilemapd may not do, tried from inside of its sandbox. */
import { assertEquals } from "@std/assert";
import { policyOf } from "../../../daemons/dmfilemapd/manifest.ts";
import { EACCES, EAFNOSUPPORT } from "../../../ffi/errno.ts";
import { landlockAbi } from "../../../ffi/landlock.ts";
import type { Attempt } from "../../ffi/attempts.ts";
import { CompiledProgram } from "../../src/host/compiled.ts";
import type { SandboxOrder } from "../../src/host/sandboxed_program.ts";

const program = await CompiledProgram.of("tests/src/host/sandboxed_program.ts");
const scratch = await Deno.makeTempDir({ prefix: "hostkeep-dmfilemapd-" });
for (const folder of ["run", "elsewhere"]) await Deno.mkdir(`${scratch}/${folder}`);
await Deno.writeTextFile(`${scratch}/elsewhere/file`, "");

Deno.test.afterAll(async () => {
  await program[Symbol.asyncDispose]();
  await Deno.remove(scratch, { recursive: true });
});

/** What attempts give in a process that is confined as a daemon of this mode, and the signal that it ended with. */
async function tries(
  mode: "inode" | "path",
  attempts: readonly Attempt[],
): Promise<{ results: number[]; signal: Deno.Signal | null }> {
  const places = { run: `${scratch}/run`, program: program.folder };
  const order: SandboxOrder = { policy: policyOf(mode), places, attempts };
  const { stdout, signal } = await new Deno.Command(program.path, {
    args: [JSON.stringify(order)],
  }).output();
  const lines = new TextDecoder().decode(stdout).trim().split("\n");
  return { results: lines.slice(1).map(Number), signal };
}

async function assertResults(
  mode: "inode" | "path",
  expected: readonly (readonly [Attempt, number])[],
): Promise<void> {
  const { results, signal } = await tries(mode, expected.map(([attempt]) => attempt));
  const shown = expected.map(([attempt], at) => [attempt.join(" "), results[at]]);
  assertEquals(shown, expected.map(([attempt, code]) => [attempt.join(" "), code]));
  assertEquals(signal, null);
}

const reason = landlockAbi() < 1 ? "the kernel has no Landlock" : "";

// The C library stays open in the test as everywhere.
function test(name: string, body: () => Promise<void>, unless = ""): void {
  if (unless !== "") console.log(`SKIPPED ${name}: ${unless}`);
  Deno.test(name, { ignore: unless !== "", sanitizeResources: false }, body);
}

const elsewhere = `${scratch}/elsewhere/file`;

test("a dmfilemapd that follows an inode opens nothing but what is its own", async () => {
  await assertResults("inode", [
    [["create", `${scratch}/run/253:0-0.pid`], 0],
    [["bindUnix", `${scratch}/run/253:0-0.sock`], 0],
    [["read", "/proc/self/status"], 0],
    [["read", elsewhere], EACCES],
    [["write", elsewhere], EACCES],
    [["create", `${scratch}/elsewhere/new`], EACCES],
    [["bindUnix", `${scratch}/elsewhere/socket`], EACCES],
    [["read", "/etc/shadow"], EACCES],
    [["read", "/dev/zero"], EACCES],
  ]);
}, reason);

test("a dmfilemapd that follows a path reads any file, and writes none", async () => {
  await assertResults("path", [
    [["read", elsewhere], 0],
    [["write", elsewhere], EACCES],
    [["create", `${scratch}/elsewhere/new`], EACCES],
    [["bindUnix", `${scratch}/elsewhere/socket`], EACCES],
    [["create", `${scratch}/run/253:0-0.pid`], 0],
  ]);
}, reason);

test("a dmfilemapd has no network", async () => {
  for (const mode of ["inode", "path"] as const) {
    await assertResults(mode, [[["socket", "2"], EAFNOSUPPORT], [["socket", "16"], EAFNOSUPPORT]]);
  }
});

const deadly: readonly Attempt[] = [
  ["execute", "/bin/true"],
  ["traceMe"],
  ["mount"],
  ["chroot"],
  ["unshare"],
  ["signal", "1"],
  ["makeDevice", `${scratch}/run/device`],
  ["symlink", `${scratch}/run/link`],
];
for (const attempt of deadly) {
  test(`a dmfilemapd that tries ${attempt[0]} is ended`, async () => {
    assertEquals(await tries("path", [attempt]), { results: [], signal: "SIGSYS" });
  });
}
