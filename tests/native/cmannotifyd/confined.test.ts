/** What the live daemon is, and what it can do when somebody else makes it: system calls are put into it from outside. */
import "../../bind_libc.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { manifest } from "../../../daemons/cmannotifyd/manifest.ts";
import { EACCES, EAFNOSUPPORT } from "../../../ffi/errno.ts";
import { landlockAbi } from "../../../ffi/landlock.ts";
import { syscallNumber } from "../../../ffi/syscalls.ts";
import { DatagramServer } from "../../src/host/datagrams.ts";
import { eventually } from "../corosync/eventually.ts";
import { compiled } from "../virtlockd/c_program.ts";
import { lacks, type Notifier, notifierTest, sharedNode } from "./notifier.ts";

sharedNode();

/** The issue's own. */
const RESIDENT_MB = 60;
const IDLE_MS = 3_000;
const NO_CAPABILITY = "0000000000000000";
const SIGSYS = 31;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function field(status: string, name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1];
}

/** How often a process went to sleep so far. */
async function sleeps(notifier: Notifier, who: "daemon" | "runner"): Promise<string | undefined> {
  return field(await notifier.proc("status", who), "voluntary_ctxt_switches");
}

notifierTest(
  "daemon and runner have one thread, little memory, and nothing to do when nothing happens",
  async (notifier) => {
    await notifier.record();
    await notifier.start();
    await notifier.hasTold(2);
    await pause(1_000);
    for (const who of ["daemon", "runner"] as const) {
      const before = await sleeps(notifier, who);
      await pause(IDLE_MS);
      assertEquals(await sleeps(notifier, who), before, who);
      assertEquals(field(await notifier.proc("status", who), "Threads"), "1");
      const megabytes = await notifier.residentMegabytes(who);
      console.log(`${who}: ${megabytes.toFixed(1)} MB resident`);
      assert(megabytes <= RESIDENT_MB, `${who}: ${megabytes} MB`);
    }
  },
);

/** A call that is made within the daemon: what it returned, or `killed SIGNAL`. */
async function within(
  notifier: Notifier,
  name: string,
  ...args: (string | number)[]
): Promise<string> {
  const program = await compiled("inject", new URL("./", import.meta.url));
  const values = args.map((value) => typeof value === "string" ? `s:${value}` : `${value}`);
  const pid = `${await notifier.pid()}`;
  const done = await notifier.node.run(program, pid, `${syscallNumber(name)}`, ...values);
  assertEquals([done.code, done.stderr], [0, ""], name);
  return done.stdout.trim();
}

const AT_FDCWD = -100;
const O_WRONLY_CREAT = 0o101;
const AF_INET = 2;
const SOCK_STREAM = 1;
const SIGTERM = 15;
const PTRACE_ATTACH = 16;

const x86Only = Deno.build.arch === "x86_64" ? undefined : "puts calls in on x86-64 only";
const withoutLandlock = landlockAbi() < 1 ? "needs Landlock" : undefined;

notifierTest(
  "the live daemon has no capability, one filter, and no file and no network within its reach",
  async (notifier) => {
    await notifier.record();
    await notifier.start();
    await notifier.hasTold(2);
    const status = await notifier.proc("status");
    const fields = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"];
    assertEquals(fields.map((name) => field(status, name)), [
      ...Array(5).fill(NO_CAPABILITY),
      "1",
      "2",
    ]);
    const open = (path: string, flags: number): Promise<string> =>
      within(notifier, "openat", AT_FDCWD, path, flags, 0o600);
    const refused = `${-EACCES}`;
    assertEquals(await open("/etc/shadow", 0), refused);
    assertEquals(await open("/etc/cluster/cman-notify.d/90-mine", O_WRONLY_CREAT), refused);
    assertEquals(await open("/tmp/mine", O_WRONLY_CREAT), refused);
    assertEquals(await open("/etc/corosync/corosync.conf", 0), refused);
    assertEquals(await within(notifier, "socket", AF_INET, SOCK_STREAM, 0), `${-EAFNOSUPPORT}`);
    assertEquals(await within(notifier, "kill", 1, 0), "0");
    assertMatch(await open("/dev/null", 0), /^\d+$/);
    // Whatever was tried, it serves as before.
    await notifier.node.run("corosync-cfgtool", "-R");
    await notifier.hasTold(3);
    assertEquals(await notifier.stop(), 0);
  },
  x86Only ?? withoutLandlock,
);

notifierTest(
  "a call that the live daemon never makes is its end: execve, ptrace, mount, a signal to others",
  async (notifier) => {
    assertEquals(manifest.otherSyscalls, "kill");
    const calls = [
      ["execve", "/bin/true", 0, 0],
      ["ptrace", PTRACE_ATTACH, 1, 0, 0],
      ["mount", "none", "/mnt", "tmpfs", 0, 0],
      ["kill", 1, SIGTERM],
      ["capset", 0, 0],
    ] as const;
    for (const [name, ...args] of calls) {
      await notifier.start();
      assertEquals(await within(notifier, name, ...args), `killed ${SIGSYS}`, name);
      await notifier.ended();
      await Deno.remove(notifier.path("run/cmannotifyd.control"));
    }
  },
  x86Only,
);

notifierTest(
  "a daemon whose runner is killed says so and ends with 1, for its service manager to begin anew",
  async (notifier) => {
    await notifier.record();
    await notifier.start();
    await notifier.hasTold(2);
    await notifier.node.run("kill", "-KILL", `${await notifier.runnerPid()}`);
    assertEquals(await notifier.ended(), 1);
    assertStringIncludes(await notifier.log(), "ending: the script runner is gone\n");
  },
);

notifierTest(
  "a runner of systemd's serves the daemon in the place of one of its own",
  async (notifier) => {
    await notifier.record();
    const { path, helperArguments, daemonArguments } = manifest.unit.helper;
    const activate =
      `systemd-socket-activate --accept --seqpacket -l ${path} "$1" ${helperArguments} &`;
    const ready = `while [ ! -e ${path} ]; do sleep 0.05; done`;
    await notifier.start({ shell: `${activate} ${ready}; exec "$@"`, args: [daemonArguments] });
    await notifier.hasTold(2);
    const { stdout } = await notifier.node.run("ps", "-eo", "ppid=,args=");
    const parent = /^\s*(\d+) \/\S*cmannotifyd @runner$/m.exec(stdout)?.[1];
    assert(parent !== undefined && Number(parent) !== await notifier.pid(), stdout);
    assertEquals(await notifier.stop(), 0);
  },
  await lacks("systemd-socket-activate", "cc"),
);

notifierTest("it keeps a service manager, status and metrics informed", async (notifier) => {
  using manager = new DatagramServer();
  await notifier.record();
  await notifier.start({ shell: `export NOTIFY_SOCKET=${manager.path}; exec "$@"` });
  await notifier.hasTold(2);
  const said: string[] = [];
  await eventually("the manager knows", () => {
    for (let bytes = manager.next(); bytes !== undefined; bytes = manager.next()) {
      said.push(new TextDecoder().decode(bytes));
    }
    return said.at(-1) === "STATUS=Connected, quorate, 1 members, 0 notifications in work";
  });
  assert(said.includes("READY=1"), said.join());
  const { stdout } = await notifier.ask("status");
  assertMatch(stdout, /^Cluster lab: quorate, members 1 \(n1\)$/m);
  assertMatch(stdout, /^2 +\S+ +STATECHANGE +1 +\S+10-record +\d+\.\d{3} +exit 3$/m);
  const metrics = await notifier.control("metrics") ?? "";
  for (
    const line of [
      'cmannotifyd_notifications_total{reason="CONFIG_UPDATE"} 1',
      'cmannotifyd_events_total{type="quorum"} 1',
      'cmannotifyd_scripts_total{outcome="failure"} 2',
      "cmannotifyd_script_seconds_count 2",
      "cmannotifyd_queue_length 0",
      "cmannotifyd_quorate 1",
    ]
  ) assertStringIncludes(metrics, `${line}\n`);
});
