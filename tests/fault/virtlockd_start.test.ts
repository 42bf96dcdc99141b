/** virtlockd as a process: its start in the background, its pid file, a second one beside it, what it says of itself. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { VERSION } from "../../src/host/version.ts";
import { Client } from "../native/virtlockd/client.ts";
import { type CommandOptions, Lab } from "../native/virtlockd/lab.ts";
import { LOCK_SOCKET, ownDaemon, PID_FILE } from "../native/virtlockd/lab_daemon.ts";
import { locksOf } from "../native/virtlockd/lab_locks.ts";
import { Background } from "./helpers/background.ts";
import { AUTOCREATE, Caller, INIT, isLocked, SHARED } from "./helpers/caller.ts";
import { eventually } from "./helpers/eventually.ts";
import { kernelLocks } from "./helpers/kernel_locks.ts";
import { exists, LEASES, obstacle, register, setStage } from "./helpers/stage.ts";

const CONFIG = "/etc/libvirt/virtlockd.conf";
const REASON = "Check /var/log/messages or run without --daemon for more info.";

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs our program to its end. */
async function run(
  lab: Lab,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Run> {
  const { code, stdout, stderr } = await lab.command(ownDaemon(), { ...options, args }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function servesWhenParentExits(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  const daemon = stack.use(await Background.start(lab, ownDaemon(), { cwd: "/srv" }));
  // Not tried again: the parent said that the daemon serves.
  const client = stack.use(await Client.connect(lab.outside(LOCK_SOCKET)));
  const caller = new Caller(client);
  assertEquals(await caller.register(INIT), "ok");
  assertEquals(await Deno.readLink(`/proc/${daemon.pid}/cwd`), "/");
  for (const fd of [0, 1, 2]) {
    assertEquals(await Deno.readLink(`/proc/${daemon.pid}/fd/${fd}`), "/dev/null");
  }
  const stat = (await Deno.readTextFile(`/proc/${daemon.pid}/stat`)).split(") ")[1].split(" ");
  assertEquals(Number(stat[3]), daemon.pid, "leads no session");
  daemon.signal("SIGTERM");
  await daemon.ended();
  assert(!await exists(lab.outside(PID_FILE)));
}

async function pidFile(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage());
  const path = lab.outside(PID_FILE);
  for (let image = 0; image < 2; image++) {
    assertEquals(await Deno.readTextFile(path), String(daemon.pid));
    const { mode } = await Deno.stat(path);
    assertEquals((mode ?? 0) & 0o777, 0o644);
    const [lock, ...more] = await locksOf(daemon.pid);
    assertEquals([lock.type, lock.access, lock.range, more], ["POSIX", "WRITE", "0-0", []]);
    if (image === 0) assert(await daemon.reexec(), daemon.stderr);
    await using caller = await Caller.connect(lab);
    assertEquals(await caller.ping(), "PONG");
  }
}

/** A daemon that cannot be second, whatever it is told, and one that is not troubled by it. */
async function secondInstance(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage());
  const caller = stack.use(await Caller.connect(lab));
  const other = ["-p", "/run/other.pid"];
  const busy = "Failed to acquire pid file '/run/virtlockd.pid': Resource temporarily unavailable";
  const served = `"${LOCK_SOCKET}" is served by another process: stop that one first`;
  const program = ownDaemon();

  const samePidFile = await run(lab, []);
  assertEquals(samePidFile.code, 1);
  assertStringIncludes(samePidFile.stderr, `: ${busy}\n`);
  const otherPidFile = await run(lab, other);
  assertEquals(otherPidFile.code, 6);
  assertStringIncludes(otherPidFile.stderr, `: ${served}\n`);
  assertEquals(await run(lab, ["-d"]), {
    code: 1,
    stdout: "",
    stderr: `${program}: ${busy}\n${program}: error: Unable to obtain pidfile. ${REASON}\n`,
  });
  assertEquals(await run(lab, ["-d", ...other]), {
    code: 1,
    stdout: "",
    stderr:
      `${program}: ${served}\n${program}: error: Unable to initialize network sockets. ${REASON}\n`,
  });
  assert(!await exists(lab.outside("/run/other.pid")), "the second one's pid file was left over");
  assertEquals(await caller.ping(), "PONG");
  assertEquals(await Deno.readTextFile(lab.outside(PID_FILE)), String(daemon.pid));
  await using again = await Caller.connect(lab);
  assertEquals(await again.ping(), "PONG");
}

async function runDirectoryInTheWay(): Promise<void> {
  await using lab = await Lab.open();
  await lab.write("/run/libvirt", "");
  for (const args of [[], ["-d"]]) {
    const { code, stderr } = await run(lab, args);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, /unable to create rundir \/run\/libvirt: .*(File exists|Not a directory)/);
  }
  assert(!await exists(lab.outside(PID_FILE)));
}

async function badConfiguration(): Promise<void> {
  await using lab = await Lab.open({ defaultConfig: "max_clients = many\n" });
  for (const args of [[], ["-d"]]) {
    const { code, stderr } = await run(lab, args);
    assertEquals(code, 1, stderr);
    assertMatch(
      stderr,
      /Can't load config file: configuration file syntax error: .*virtlockd.conf:1: /,
    );
  }
  for (const path of [PID_FILE, LOCK_SOCKET]) assert(!await exists(lab.outside(path)), path);
}

async function checksConfig(): Promise<void> {
  await using lab = await Lab.open({ defaultConfig: "max_clients = 5\n" });
  const check = (...args: string[]): Promise<Run> => run(lab, ["--check-config", ...args]);
  assertEquals(await check(), { code: 0, stdout: `${CONFIG}: ok\n`, stderr: "" });

  await lab.write("/srv/odd.conf", "colour = 1\nmax_clients = 5\n");
  const warning = "/srv/odd.conf:1:colour: warning: unknown key, ignored\n";
  assertEquals(await check("-f", "/srv/odd.conf"), {
    code: 0,
    stdout: "/srv/odd.conf: ok\n",
    stderr: warning,
  });

  await lab.write("/srv/bad.conf", `max_clients = "x"\n\nlog_level = 9\nlog_outputs = "1:disk"\n`);
  const bad = await check("-f", "/srv/bad.conf");
  const places = bad.stderr.trimEnd().split("\n").map((line) => line.split(": ")[0]);
  assertEquals([bad.code, bad.stdout, places], [1, "", [
    "/srv/bad.conf:1:max_clients",
    "/srv/bad.conf:3:log_level",
    "/srv/bad.conf:4:log_outputs",
  ]], bad.stderr);

  const absent = await check("-f", "/srv/absent.conf");
  assertEquals([absent.code, absent.stdout], [1, ""]);
  assertStringIncludes(absent.stderr, "/srv/absent.conf");
  await Deno.remove(lab.outside(CONFIG));
  const defaults = `${CONFIG}: not there, the defaults are in force\n`;
  assertEquals(await check(), { code: 0, stdout: defaults, stderr: "" });
  assert(!await exists(lab.outside("/run/libvirt")), "checked, and started");
}

/** A line of a table, with its columns apart. */
function columns(line: string): string[] {
  return line.trim().split(/\s{2,}/);
}

function after(lines: readonly string[], title: string): string[][] {
  const start = lines.indexOf(title);
  assert(start >= 0, lines.join("\n"));
  return lines.slice(start + 1, lines.indexOf("", start)).map(columns);
}

async function showsStatus(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { lab, daemon } = stack.use(await setStage());
  const [first, second] = [
    stack.use(await Caller.connect(lab)),
    stack.use(await Caller.connect(lab)),
  ];
  await first.register(INIT, "guest one");
  assertEquals(await first.createLockspace(LEASES), "ok");
  assertEquals(await first.createLockspace("/srv/empty"), "ok");
  await lab.write("/srv/disk", "");
  assertEquals(await first.acquire(LEASES, "x", SHARED | AUTOCREATE), "ok");
  assertEquals(await second.acquire(LEASES, "x", SHARED), "ok");
  assertEquals(await second.acquire("", "/srv/disk", 0), "ok");
  assertEquals(await second.restrict(), "ok");

  const { code, stdout, stderr } = await run(lab, ["status", "--json"]);
  assertEquals([code, stderr], [0, ""]);
  const status = JSON.parse(stdout);
  assertEquals([status.version, status.pid, status.dying], [VERSION, daemon.pid, []]);
  assertEquals(status.lockspaces.map(({ directory }: { directory: string }) => directory), [
    LEASES,
    "/srv/empty",
    "",
  ]);
  const [[lease], none, [disk]] = status.lockspaces.map(({ resources }: { resources: unknown }) =>
    resources
  );
  const owner = { pid: INIT, name: "owner" };
  assertEquals({ ...lease, since: "" }, {
    name: "x",
    path: `${LEASES}/x`,
    mode: "shared",
    autocreated: true,
    owners: [owner, owner],
    since: "",
  });
  assertEquals(none, []);
  assertEquals([disk.path, disk.mode, disk.autocreated], ["/srv/disk", "exclusive", false]);
  assert(Math.abs(Date.now() - Date.parse(disk.since)) < 60_000, disk.since);
  assertEquals(
    status.clients.map(({ server, uid, restricted }: Record<string, unknown>) =>
      `${server} ${uid} ${restricted}`
    ),
    ["virtlockd 0 false", "virtlockd 0 true"],
  );

  const table = (await run(lab, ["status"])).stdout.split("\n");
  assertEquals(after(table, "Locks: 2").map((row) => row.slice(0, 3)), [
    ["LOCKSPACE", "RESOURCE", "MODE"],
    [LEASES, "x", "shared"],
    ["(default)", "/srv/disk", "exclusive"],
    ["Lockspaces without locks: /srv/empty"],
  ]);
  assertEquals(after(table, "Clients: 2").length, 3);
}

async function statusOfNobody(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const lab = stack.use(await Lab.open());
  const nobody = await run(lab, ["status"]);
  assertEquals([nobody.code, nobody.stdout], [69, ""]);
  assertStringIncludes(nobody.stderr, 'no daemon answers at "/run/libvirt/virtlockd-control-sock"');
}

async function outlivesHangUp(): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const log = "/var/log/libvirt/own.log";
  const { lab, daemon } = stack.use(
    await setStage({ defaultConfig: `log_outputs = "2:file:${log}"\nlog_level = 2\n` }),
  );
  const caller = stack.use(await Caller.connect(lab));
  assertEquals(await caller.createLockspace(LEASES), "ok");
  assertEquals(await caller.acquire(LEASES, "x"), "ok");
  const before = await Deno.readTextFile(lab.outside(log));
  await Deno.rename(lab.outside(log), lab.outside(`${log}.1`));
  daemon.signal("SIGHUP");
  await eventually("a new log file", () => exists(lab.outside(log)));
  assertEquals(await caller.acquire(LEASES, "x"), isLocked("x"));
  assertEquals((await kernelLocks(lab)).length, 1);
  assertEquals(await caller.release(LEASES, "x"), "ok");
  assertMatch(await Deno.readTextFile(lab.outside(log)), /released "x"/);
  assertEquals(await Deno.readTextFile(lab.outside(`${log}.1`)), before, "written to after it");
}

const reason = await obstacle();
register("virtlockd -d serves by the time that its parent exits", reason, servesWhenParentExits);
register(
  "virtlockd holds a pid file with its number and nothing else, over a re-exec",
  reason,
  pidFile,
);
register(
  "a second virtlockd is refused and says why, and the first goes on",
  reason,
  secondInstance,
);
register(
  "virtlockd exits with 2 when its run directory cannot be made",
  reason,
  runDirectoryInTheWay,
);
register(
  "virtlockd exits with 1 when its configuration is wrong, also with -d",
  reason,
  badConfiguration,
);
register(
  "virtlockd --check-config names each problem by its place and starts nothing",
  reason,
  checksConfig,
);
register(
  "virtlockd status shows locks, owners and clients, as tables and as JSON",
  reason,
  showsStatus,
);
register("virtlockd status exits with 69 when no daemon runs", reason, statusOfNobody);
register("SIGHUP begins the log anew and leaves all else as it is", reason, outlivesHangUp);
