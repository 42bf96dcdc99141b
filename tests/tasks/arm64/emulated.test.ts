/** What is built for arm64 runs: the daemons start, their structures are those of arm64, and virtlockd serves clients. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { build } from "../../../tasks/build.ts";
import { daemonNames } from "../../../tasks/daemons.ts";
import { findDenort } from "../../../tasks/denort.ts";
import { runDeno, targets } from "../../../tasks/toolchain.ts";
import { Caller, isLocked } from "../../fault/helpers/caller.ts";
import { inFolder } from "../needs.ts";
import { Lab } from "../../native/virtlockd/lab.ts";
import type { Daemon } from "../../native/virtlockd/lab_daemon.ts";
import { fileIdentity, locksOf } from "../../native/virtlockd/lab_locks.ts";
import { emulated, emulationObstacle, EMULATOR, runEmulated } from "./emulation.ts";

const LEASES = "/srv/leases";

/** The emulator translates the whole start-up of V8 first. */
const START_LIMIT_MS = 240_000;

function emulatedTest(name: string, obstacle: string | undefined, fn: () => Promise<void>): void {
  if (obstacle !== undefined) console.log(`SKIPPED ${name}: ${obstacle}`);
  Deno.test({ name, ignore: obstacle !== undefined, fn });
}

/** What our files claim about C, printed by a program for arm64. */
async function claimsOfProgram(folder: string): Promise<unknown> {
  const program = join(folder, "claims");
  const { path } = await findDenort("arm64");
  const target = ["--target", targets.arm64.triple, "--no-check", "--no-code-cache"];
  const files = ["ffi", "src", "daemons"].map((name) => `--include=${name}`);
  const permissions = ["--allow-ffi", "--allow-read"];
  const args = [...target, ...permissions, ...files, "-o", program, "tests/ffi/print_claims.ts"];
  const env: Record<string, string> = path === undefined ? {} : { DENORT_BIN: path };
  const compiled = await runDeno(["compile", "--quiet", ...args], { env });
  assert(compiled.success, compiled.output);
  const printed = await runEmulated(program, []);
  assert(printed.success, printed.output);
  return JSON.parse(printed.stdout);
}

const obstacle = emulationObstacle();

emulatedTest("every daemon for arm64 shows its version", obstacle, async () => {
  for (const name of await daemonNames()) {
    const { success, output } = await runEmulated(await build(name, "arm64"), ["--version"]);
    assert(success, output);
    assertMatch(output, new RegExp(`${name}.* \\d+\\.\\d+\\.\\d+`));
  }
});

// That those are C's is what tests/ffi/layout.test.ts has the compiler for arm64 judge.
emulatedTest(
  "a program for arm64 has the constants and structures that were judged",
  obstacle,
  async () => {
    const script = ["run", "--allow-ffi", "--allow-read", "tests/ffi/print_claims.ts", "aarch64"];
    const { stdout } = await runDeno(script);
    await inFolder(async (folder) => {
      assertEquals(await claimsOfProgram(folder), JSON.parse(stdout));
    });
  },
);

/** What the kernel says of the daemon's locks on a file. */
async function locksOn(path: string, daemon: Daemon): Promise<string[]> {
  const wanted = await fileIdentity(path);
  const locks = (await locksOf(daemon.pid)).filter(({ identity }) => identity === wanted);
  return locks.map(({ type, access }) => `${type} ${access}`);
}

/** One client has a lock, which another wants. */
async function conflict(lab: Lab, daemon: Daemon): Promise<void> {
  await using one = await Caller.connect(lab);
  await using other = await Caller.connect(lab);
  assertEquals(await one.createLockspace(LEASES), "ok");
  assertEquals(await one.acquire(LEASES, "x"), "ok");
  assertEquals(await other.acquire(LEASES, "x"), isLocked("x"));
  assertEquals(await locksOn(lab.outside(`${LEASES}/x`), daemon), ["POSIX WRITE"]);
  assertEquals(await one.release(LEASES, "x"), "ok");
  assertEquals(await locksOn(lab.outside(`${LEASES}/x`), daemon), []);
  assertEquals(await other.acquire(LEASES, "x"), "ok");
}

emulatedTest(
  "virtlockd for arm64 gives a lock to one client at a time, and says what the kernel did not confine",
  Deno.uid() === 0 ? obstacle : "needs root",
  async () => {
    await using lab = await Lab.open();
    const args = emulated(await build("virtlockd", "arm64"));
    const daemon = await lab.start(EMULATOR, { args, startLimitMs: START_LIMIT_MS });
    await conflict(lab, daemon);
    const { code } = await daemon.terminate();
    assertEquals(code, 0);
    // The emulator knows neither.
    assertMatch(daemon.stderr, /sandbox with gaps: .*Landlock: off, .*seccomp: off/);
  },
);
