/** The live virtlockd against its manifest, as the kernel shows it, before and after a re-exec. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { manifest } from "../../daemons/virtlockd/manifest.ts";
import { ClientProcess } from "../native/virtlockd/client_process.ts";
import { Lab } from "../native/virtlockd/lab.ts";
import { Caller, isLocked } from "./helpers/caller.ts";
import { install } from "./helpers/install.ts";
import { statusField } from "./helpers/process_status.ts";
import { LEASES, obstacle, register, setStage } from "./helpers/stage.ts";

const CAPABILITY_HEADER = "/usr/include/linux/capability.h";
const FILTERED = "2"; // SECCOMP_MODE_FILTER, linux/seccomp.h
const NOBODY = 65534;

/** The capabilities of the manifest as /proc shows a set of them. */
async function manifestCapabilities(): Promise<string> {
  const header = await Deno.readTextFile(CAPABILITY_HEADER);
  const bits = manifest.capabilities.map(({ name }) => {
    const number = new RegExp(`^#define ${name}\\s+(\\d+)$`, "m").exec(header)?.[1];
    if (number === undefined) throw new Error(`${name} is not in ${CAPABILITY_HEADER}`);
    return 1n << BigInt(number);
  });
  return hex(bits.reduce((sum, bit) => sum | bit, 0n));
}

function hex(set: bigint): string {
  return set.toString(16).padStart(16, "0");
}

async function assertStatus(pid: number, expected: Record<string, string>): Promise<void> {
  const found = await Promise.all(
    Object.keys(expected).map(async (name) => [name, await statusField(pid, name)]),
  );
  assertEquals(Object.fromEntries(found), expected);
}

async function asRoot(): Promise<void> {
  await using stage = await setStage();
  const { lab, daemon } = stage;
  const kept = await manifestCapabilities();
  for (let image = 0; image < 3; image++) {
    // Answered, it has begun to serve.
    await using caller = await Caller.connect(lab);
    assertEquals(await caller.ping(), "PONG");
    await assertStatus(daemon.pid, {
      Threads: "1",
      NoNewPrivs: "1",
      CapInh: hex(0n),
      CapPrm: kept,
      CapEff: kept,
      CapBnd: kept,
      CapAmb: hex(0n),
      Seccomp: FILTERED,
      Seccomp_filters: "1",
    });
    assert(await daemon.reexec(), daemon.stderr);
  }
}

async function asUser(): Promise<void> {
  await using lab = await Lab.open();
  const env = await lab.session(NOBODY);
  const socket = `${env.XDG_RUNTIME_DIR}/libvirt/virtlockd-sock`;
  await install(lab, "/srv/virtlockd");
  const options = { uid: NOBODY, env, socket, args: ["-f", "/dev/null"], cwd: "/" };
  const daemon = await lab.start("/srv/virtlockd", options);
  await using client = await ClientProcess.start(lab, { uid: NOBODY });
  const caller = new Caller(await client.connect("only", socket));
  assertEquals(await caller.ping(), "PONG");
  await assertStatus(daemon.pid, {
    Threads: "1",
    NoNewPrivs: "1",
    CapPrm: hex(0n),
    CapEff: hex(0n),
    Seccomp: FILTERED,
  });
}

/** Landlock lets it execute what is in its own folders; a program elsewhere, for which a link is put there, it may not. */
async function executesNothingElse(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  const [home, elsewhere, called] = ["/srv/home", "/srv/elsewhere", "/srv/called"];
  for (const folder of [home, elsewhere, called]) await Deno.mkdir(lab.outside(folder));
  for (const folder of [home, elsewhere]) await install(lab, `${folder}/virtlockd`);
  const link = lab.outside(`${called}/virtlockd`);
  await Deno.symlink(`${home}/virtlockd`, link);
  const daemon = await lab.start(`${called}/virtlockd`);
  const caller = stack.use(await Caller.connect(lab));
  assertEquals(await caller.createLockspace(LEASES), "ok");
  assertEquals(await caller.acquire(LEASES, "x"), "ok");
  assert(await daemon.reexec(), daemon.stderr);
  // Answered, it knows where its program is.
  assertEquals(await caller.acquire(LEASES, "x"), isLocked("x"));
  await Deno.remove(link);
  await Deno.symlink(`${elsewhere}/virtlockd`, link);
  assert(!await daemon.reexec(), "executed what it may not");
  assertMatch(
    daemon.stderr,
    /not replaced by .*execve "\/srv\/called\/virtlockd": Permission denied/,
  );
  assertEquals(await caller.acquire(LEASES, "x"), isLocked("x"));
  await Deno.remove(link);
  await Deno.symlink(`${home}/virtlockd`, link);
  assert(await daemon.reexec(), daemon.stderr);
  assertEquals(await caller.release(LEASES, "x"), "ok");
}

const reason = await obstacle(CAPABILITY_HEADER, "/usr/bin/cc");
register(
  "the live virtlockd has one thread and what its manifest says, also after a re-exec",
  reason,
  asRoot,
);
register("the live virtlockd of a user has no capability and is filtered", reason, asUser);
register(
  "the live virtlockd executes no program outside of its own folders",
  reason,
  executesNothingElse,
);
