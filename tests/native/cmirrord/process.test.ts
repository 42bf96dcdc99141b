/** The compiled daemon as a process: options, exit codes, lock file, signals, background. It hears no mirror here. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { build } from "../../../tasks/build.ts";
import { exists } from "../../../tasks/toolchain.ts";

const program = await build("cmirrord");
const isRoot = Deno.uid() === 0;

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(command: string, ...args: string[]): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs a script with a /run of its own, `$D` being the daemon. */
function inOwnRun(script: string): Promise<Result> {
  const whole =
    `mount -t tmpfs tmpfs /run; D=${program}; wait_for() { i=0; while ! "$@" >/dev/null 2>&1; ` +
    `do i=$((i+1)); [ $i -lt 600 ] || exit 99; sleep 0.1; done; }; ${script}`;
  return run("unshare", "-m", "--propagation", "private", "sh", "-c", whole);
}

async function reasonToSkip(): Promise<string | undefined> {
  if (!isRoot) return "not root";
  // It would hear the requests of mirrors that are another daemon's.
  if (await exists("/sys/module/dm_log_userspace")) return "the kernel may have cluster mirrors";
  const { code, stderr } = await inOwnRun("$D -f & p=$!; wait_for $D status; kill $p; wait $p");
  return code === 0 ? undefined : `it does not start here: ${stderr.trim()}`;
}

const reason = await reasonToSkip();

function processTest(name: string, body: () => Promise<void>): void {
  if (reason !== undefined) console.log(`SKIPPED ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn: body });
}

Deno.test("-h shows the usage and ends with 0", async () => {
  const { code, stdout } = await run(program, "-h");
  assertEquals(code, 0);
  assertEquals(stdout.split("\n").slice(0, 3), [
    "Usage: cmirrord [options]",
    "   -f, --foreground    stay in the foreground, log to the terminal",
    "   -h, --help          print this help",
  ]);
});

for (const args of [["--nonsense"], ["operand"], ["-x"]]) {
  Deno.test(`${args.join(" ")} shows the usage on standard error and ends with 2`, async () => {
    const { code, stdout, stderr } = await run(program, ...args);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, "Usage: cmirrord [options]\n");
  });
}

processTest(
  "in the background it holds the lock file that LVM looks at, and removes it at its end",
  async () => {
    const { code, stdout } = await inOwnRun(
      '$D || exit 1; p=$(cat /run/cmirrord.pid); cat /proc/locks | grep -c "POSIX  ADVISORY  WRITE $p "; ' +
        "grep Threads /proc/$p/status; ls -l /proc/$p/cwd | sed 's/.*-> //'; kill $p; " +
        "wait_for test ! -e /run/cmirrord.pid; ls /run/cmirrord",
    );
    assertEquals(code, 0);
    assertEquals(stdout.trim().split(/\s*\n/), ["1", "Threads:\t1", "/", "mirrors", "sequence"]);
  },
);

processTest("a second daemon is refused, in the words of the original", async () => {
  const { stdout, stderr } = await inOwnRun(
    "$D || exit 1; $D; echo $?; $D -f; echo $?; kill $(cat /run/cmirrord.pid)",
  );
  assertEquals(stdout, "Failed to create lockfile\nProcess already running?\n1\n2\n");
  assertEquals(
    stderr.trimEnd().split("\n").at(-1),
    "Cannot lock lockfile [/run/cmirrord.pid], error was [Resource temporarily unavailable]",
  );
});

processTest(
  "-f writes to standard error in a terminal that systemd has started, and not where that is the journal",
  async () => {
    const { code, stdout } = await inOwnRun(
      'look() { "$D" -f 2> /run/log & p=$!; wait_for $D status; kill $p; wait $p; grep -c Starting /run/log; }; ' +
        "export JOURNAL_STREAM=1:1; look; JOURNAL_STREAM=$(stat -c %d:%i /run/log); look; true",
    );
    assertEquals([code, stdout], [0, "1\n0\n"]);
  },
);

processTest("SIGUSR1 shows the state, and SIGTERM ends it with 0", async () => {
  const { code, stderr } = await inOwnRun(
    "$D -f & p=$!; wait_for $D status; kill -USR1 $p; $D status >/dev/null; kill -TERM $p; wait $p",
  );
  assertEquals(code, 0);
  for (
    const line of [
      "Starting cmirrord:",
      "LOG COMPONENT DEBUGGING::",
      "CLUSTER COMPONENT DEBUGGING::",
    ]
  ) {
    assertStringIncludes(stderr, line);
  }
});

processTest("status and metrics are answered, idle it is not woken, and it is small", async () => {
  const { stdout } = await inOwnRun(
    "$D -f 2>/dev/null & p=$!; wait_for $D status; $D status; sleep 11; " +
      "a=$(grep ^voluntary /proc/$p/status); sleep 2; b=$(grep ^voluntary /proc/$p/status); " +
      '[ "$a" = "$b" ] && echo asleep; grep VmRSS /proc/$p/status; kill $p; wait $p',
  );
  assertMatch(stdout, /^cmirrord .*\nCorosync was not reached yet\nMirrors: 0\n/);
  assertStringIncludes(stdout, "asleep");
  const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(stdout)?.[1]);
  assertEquals(kilobytes > 10_000 && kilobytes < 70_000, true, `${kilobytes} kB`);
});
