/**
 * Every line of every manifest, on this kernel: what it lists works, and fails without the line; what no line lists fails. Everything
 * here is made from the manifests, so that a new line is tried as it is written, or fails the test for want of a way to try it.
 */
import { assertEquals } from "@std/assert";
import { policyOf } from "../../daemons/dmfilemapd/manifest.ts";
import { ENOSYS, EPERM } from "../../ffi/errno.ts";
import { landlockAbi } from "../../ffi/landlock.ts";
import { candidatePaths } from "../../ffi/libraries.ts";
import { syscallNumber } from "../../ffi/syscalls.ts";
import type { Manifest } from "../../src/host/manifest.ts";
import { daemonNames, loadManifest } from "../../tasks/daemons.ts";
import type { Attempt } from "../ffi/attempts.ts";
import { CompiledProgram } from "../src/host/compiled.ts";
import { exists } from "../../tasks/toolchain.ts";
import { families, listedCalls, otherArguments, otherCalls, surplusCalls } from "./calls.ts";
import { capabilityTrials } from "./capabilities.ts";
import { granted, isHere, notGranted } from "./paths.ts";
import { Site } from "./places.ts";
import { type Trial, tryUnder } from "./trial.ts";

const NOBODY = 65_534;
/** In no manifest, and on every machine with the GNU C library. */
const OTHER_LIBRARY = "libresolv.so.2";

const scratch = await Deno.makeTempDir({ prefix: "hk-" });
await Deno.chmod(scratch, 0o755);
const victim = new Deno.Command("sleep", { args: ["1000"], uid: NOBODY }).spawn();
const programs = new Map<string, CompiledProgram>();

/** With the flags of the daemon, and so with what its runtime may. */
async function programOf(manifest: Manifest): Promise<CompiledProgram> {
  const found = programs.get(manifest.name);
  if (found !== undefined) return found;
  const program = await CompiledProgram.of("tests/src/host/sandboxed_program.ts", manifest);
  programs.set(manifest.name, program);
  return program;
}

Deno.test.afterAll(async () => {
  victim.kill("SIGKILL");
  await victim.status;
  for (const program of programs.values()) await program[Symbol.asyncDispose]();
  await Deno.remove(scratch, { recursive: true });
});

/** The policies that a manifest stands for: a daemon may have fewer lines in one of its modes. */
function policiesOf(manifest: Manifest): Manifest[] {
  return manifest.name === "dmfilemapd" ? [policyOf("path"), policyOf("inode")] : [manifest];
}

async function hasNamespaces(): Promise<boolean> {
  if (Deno.uid() !== 0) return false;
  const { success } = await new Deno.Command("unshare", { args: ["--mount", "true"] }).output();
  return success;
}

const reason = !await hasNamespaces()
  ? "needs root and mount namespaces"
  : landlockAbi() < 6
  ? "needs Landlock ABI 6"
  : "";

type Body = (manifest: Manifest, program: CompiledProgram, site: Site) => Promise<void>;

/** One test for each daemon. */
function table(name: string, body: Body): void {
  for (const manifest of manifests) {
    const full = `${manifest.name}: ${name}`;
    if (reason !== "") console.log(`SKIPPED ${full}: ${reason}`);
    // The C library stays open in the test as everywhere.
    Deno.test({ name: full, ignore: reason !== "", sanitizeResources: false }, async () => {
      const program = await programOf(manifest);
      await body(manifest, program, new Site(scratch, program.folder));
    });
  }
}

const manifests = await Promise.all((await daemonNames()).map(loadManifest));

/** What is tried under the same policy is tried by one process. */
async function assertTrials(
  program: CompiledProgram,
  site: Site,
  trials: readonly Trial[],
): Promise<void> {
  for (const way of ["works", "fails"] as const) {
    const policies = Map.groupBy(trials, (trial) => trial[way].policy);
    for (const [policy, tried] of policies) {
      const inOrder = [...tried.filter(isCall), ...tried.filter((one) => !isCall(one)).slice(0, 1)];
      const attempts = inOrder.map(({ attempt }) => attempt);
      const { results, signal } = await tryUnder(program, site, { policy, attempts });
      assertEquals(signal, null, `ended after ${results.length} of ${JSON.stringify(attempts)}`);
      const shown = inOrder.map((
        trial,
        at,
      ) => [trial.line, shownAs(trial[way].result, results[at])]);
      assertEquals(shown, inOrder.map((trial) => [trial.line, trial[way].result]), way);
    }
  }
}

/** A process becomes another only once, and last. */
function isCall({ attempt }: Trial): boolean {
  return attempt[0] !== "become";
}

/** What did not come from the filter came from the kernel proper. */
function shownAs(wanted: Trial["works"]["result"], found: number): number | string {
  return wanted === "anything else" && ![EPERM, ENOSYS].includes(found) ? wanted : found;
}

table(
  "every path of the manifest is within reach, and out of it without its line",
  async (manifest, program, site) => {
    for (const policy of policiesOf(manifest)) {
      await assertTrials(program, site, granted(policy, site));
    }
    const absent = manifest.paths.filter(({ path }) => !isHere(path, site));
    assertEquals(absent.length < manifest.paths.length, true);
  },
);

table(
  "no other path is within reach, but would be with a line of its own",
  async (manifest, program, site) => {
    for (const policy of policiesOf(manifest)) {
      const trials = notGranted(policy, site);
      assertEquals(trials.length > 0, true);
      await assertTrials(program, site, trials);
    }
  },
);

table(
  "every system call of the manifest gets through, and none does without its line",
  async (manifest, program, site) => {
    assertEquals(surplusCalls(manifest), []);
    await assertTrials(program, site, [...listedCalls(manifest), ...otherArguments(manifest)]);
  },
);

table("no other system call gets through", async (manifest, program, site) => {
  const { policy, attempts } = otherCalls(manifest);
  const { results } = await tryUnder(program, site, { policy, attempts });
  const through = attempts.filter((_, at) => results[at] !== EPERM);
  assertEquals([through, results.length], [[], attempts.length]);
  const one: Attempt = ["call", String(syscallNumber("acct"))];
  assertEquals(
    (await tryUnder(program, site, { policy: manifest, attempts: [one] })).signal,
    "SIGSYS",
  );
});

table(
  "what meets a call that is not listed is what the manifest says",
  async (manifest, program, site) => {
    const [attempt] = otherCalls(manifest).attempts;
    const { results, signal } = await tryUnder(program, site, {
      policy: manifest,
      attempts: [attempt],
    });
    const isDeadly = manifest.otherSyscalls === "kill";
    assertEquals([results, signal], isDeadly ? [[], "SIGSYS"] : [[EPERM], null]);
  },
);

table(
  "it has sockets of the families that it lists, and of no other",
  async (manifest, program, site) => {
    const { attempts, results: wanted } = families(manifest);
    const { results } = await tryUnder(program, site, { policy: manifest, attempts });
    assertEquals(results, wanted);
  },
);

table(
  "every capability of the manifest works, and does not without its line",
  async (manifest, program, site) => {
    const [policy] = policiesOf(manifest);
    const trials = capabilityTrials(policy, site, victim.pid);
    await assertTrials(program, site, trials);
  },
);

table("it has no other capability, and cannot get one", async (manifest, program, site) => {
  const order = { policy: manifest, attempts: [["regainCapabilities"] as const] };
  const { starts: [start], results, signal } = await tryUnder(program, site, order);
  const names = manifest.capabilities.map(({ name }) => name).toSorted().join(" ") || "none";
  const found = /capabilities: ([^;,]+)/.exec(start.description)?.[1].split(" ").toSorted().join(
    " ",
  );
  assertEquals([found, start.complete], [names, true], start.description);
  assertEquals(
    [results, signal],
    manifest.otherSyscalls === "kill" ? [[], "SIGSYS"] : [[EPERM], null],
  );
});

async function libraryPath(soname: string): Promise<string> {
  for (const path of candidatePaths(soname)) if (await exists(path)) return path;
  throw new Error(`"${soname}" is not on this machine`);
}

table(
  "the runtime opens its libraries and permits nothing else",
  async (manifest, program, site) => {
    const libraries = await Promise.all(manifest.libraries.map(libraryPath));
    const other = await libraryPath(OTHER_LIBRARY);
    const isUnscoped = manifest.ffiUnscoped !== undefined;
    const wanted: (readonly [Attempt, number])[] = [
      ...libraries.map((path) => [["--allow-ffi", path], 0] as const),
      ...isUnscoped ? [] : [[["--allow-ffi", other], 1] as const],
      [["--allow-read", "/etc/hostname"], 1],
      [["--allow-write", `${site.elsewhere}/file`], 1],
      [["--allow-net"], 1],
      [["--allow-env"], 1],
      [["--allow-run", "/bin/true"], 1],
      [["--allow-sys"], 1],
    ];
    const permissions = wanted.map(([permission]) => permission);
    // What the runtime cannot refuse for want of a list Landlock does.
    const attempts: Attempt[] = isUnscoped ? [["read", other]] : [];
    const { results } = await tryUnder(program, site, { policy: manifest, permissions, attempts });
    const rest = isUnscoped ? [13] : [];
    assertEquals(results, [...wanted.map(([, code]) => code), ...rest]);
  },
);
