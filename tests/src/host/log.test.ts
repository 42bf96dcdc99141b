import "../../bind_libc.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Errno } from "../../../ffi/errno.ts";
import {
  currentFilters,
  currentLevel,
  currentOutputs,
  droppedMessages,
  type LogFilter,
  logger,
  type LogPriority,
  type LogSettings,
  reconfigureLogging,
  reopenLogFiles,
  setLogLevel,
  startLogging,
} from "../../../src/host/log.ts";

/** A log file in a folder that goes with it. */
class LogFile implements Disposable {
  readonly #directory = Deno.makeTempDirSync();
  readonly path = `${this.#directory}/log`;

  start(change: Partial<LogSettings> = {}): void {
    const outputs = [{
      level: 1 as LogPriority,
      destination: "file" as const,
      argument: this.path,
    }];
    startLogging({
      identifier: "test",
      level: 3,
      filters: [],
      outputs,
      banner: () => [],
      ...change,
    });
  }

  /** Level and text of each line. */
  lines(): string[] {
    const lines = Deno.readTextFileSync(this.path).trimEnd().split("\n");
    return lines.filter((line) => line !== "").map((line) => line.replace(/^.*?: \d+: /, ""));
  }

  [Symbol.dispose](): void {
    startLogging({ identifier: "test", level: 4, filters: [], outputs: [], banner: () => [] });
    Deno.removeSync(this.#directory, { recursive: true });
  }
}

Deno.test("logger puts properties into the text, and the text is never a template twice", () => {
  using file = new LogFile();
  file.start();
  const log = logger("locking", "a");
  log.warn('cannot lock "{RESOURCE}": {reason}', {
    RESOURCE: "/a{reason}",
    reason: new Error("no"),
  });
  log.error("nothing to fill in", { RESOURCE: "x" });
  assertEquals(file.lines(), [
    'warning : locking.a : cannot lock "/a{reason}": no',
    "error : locking.a : nothing to fill in",
  ]);
});

Deno.test("startLogging logs what reaches the level, the first filter that matches deciding", () => {
  using file = new LogFile();
  const filters: LogFilter[] = [
    { level: 4, match: "quiet" },
    { level: 1, match: "lock*ng" },
    { level: 2, match: "a?c" },
  ];
  file.start({ filters });
  for (const category of ["locking", "locking.quiet", "x.abc.y", "other", "a.c", "ac"]) {
    const log = logger(...category.split("."));
    log.debug("1");
    log.info("2");
    log.warn("3");
    log.error("4");
  }
  const seen = (category: string): string =>
    file.lines().map((line) => line.split(" : ")).filter((parts) => parts[1] === category)
      .map((parts) => parts[2]).join("");
  assertEquals(seen("locking"), "1234");
  assertEquals(seen("locking.quiet"), "4");
  assertEquals(seen("x.abc.y"), "234");
  assertEquals(seen("a.c"), "234");
  assertEquals(seen("ac"), "34");
  assertEquals(seen("other"), "34");
});

Deno.test("startLogging gives each output what reaches its own level, behind a banner", () => {
  using first = new LogFile();
  using second = new LogFile();
  const output = (path: string, level: LogPriority) => ({
    level,
    destination: "file" as const,
    argument: path,
  });
  const outputs = [output(first.path, 2), output(second.path, 4)];
  first.start({ level: 1, outputs, banner: () => ["version 1", "host a"] });
  const log = logger("x");
  log.debug("1");
  log.info("2");
  log.error("4");
  const banner = ["info : version 1", "info : host a"];
  assertEquals(first.lines(), [...banner, "info : x : 2", "error : x : 4"]);
  assertEquals(second.lines(), [...banner, "error : x : 4"]);
});

Deno.test("reconfigureLogging changes what is given, also for loggers made before", () => {
  using file = new LogFile();
  file.start();
  const log = logger("x");
  log.debug("not yet");
  setLogLevel(1);
  log.debug("now");
  setLogLevel(4);
  reconfigureLogging({ filters: [{ level: 2, match: "y" }] });
  log.warn("no more");
  logger("y").info("by filter");
  assertEquals(file.lines(), ["debug : x : now", "info : y : by filter"]);
  assertEquals(currentLevel(), 4);
  assertEquals(currentFilters(), [{ level: 2, match: "y" }]);
  assertEquals(currentOutputs(), [{ level: 1, destination: "file", argument: file.path }]);
});

Deno.test("setLogLevel takes with it the outputs of the old level, and no others, there and back", () => {
  using general = new LogFile();
  using own = new LogFile();
  const outputs = ([[general, 3], [own, 2]] as const).map(([{ path }, level]) => ({
    level,
    destination: "file" as const,
    argument: path,
  }));
  general.start({ level: 3, outputs });
  const log = logger("x");
  setLogLevel(1);
  log.debug("1");
  log.info("2");
  assertEquals(currentOutputs().map(({ level }) => level), [1, 2]);
  setLogLevel(2);
  setLogLevel(3);
  log.info("3");
  log.warn("4");
  assertEquals(currentOutputs(), outputs);
  assertEquals(general.lines(), ["debug : x : 1", "info : x : 2", "warning : x : 4"]);
  assertEquals(own.lines(), ["info : x : 2", "warning : x : 4"]);
});

Deno.test("reconfigureLogging with an output that cannot be opened throws and changes nothing", () => {
  using file = new LogFile();
  file.start();
  const before = currentOutputs();
  const openFiles = (): number => [...Deno.readDirSync("/proc/self/fd")].length;
  const count = openFiles();
  const outputs = [
    { level: 1 as LogPriority, destination: "file" as const, argument: `${file.path}.2` },
    { level: 1 as LogPriority, destination: "file" as const, argument: "/nowhere/x" },
  ];
  assertThrows(() => reconfigureLogging({ outputs }), Errno);
  assertEquals(currentOutputs(), before);
  assertEquals(currentLevel(), 3);
  assertEquals(openFiles(), count);
  logger("x").error("still here");
  assertEquals(file.lines(), ["error : x : still here"]);
});

Deno.test("reopenLogFiles begins a new file under the old name", () => {
  using file = new LogFile();
  file.start();
  const log = logger("x");
  log.error("one");
  Deno.renameSync(file.path, `${file.path}.1`);
  reopenLogFiles();
  log.error("two");
  assertEquals(file.lines(), ["error : x : two"]);
});

Deno.test("droppedMessages counts what a full disk did not take", () => {
  using file = new LogFile();
  const output = { level: 1 as LogPriority, destination: "file" as const, argument: "/dev/full" };
  file.start({ outputs: [output] });
  const before = droppedMessages();
  logger("x").error("lost");
  assertEquals(droppedMessages(), before + 1);
});

Deno.test("logger does not throw for a value that has no text", () => {
  using file = new LogFile();
  file.start();
  logger("x").error("value {V}", { V: Object.create(null) });
  logger("x").error("symbol {V}", { V: Symbol("s") });
  logger("x").error("next");
  assertEquals(file.lines().at(-1), "error : x : next");
});

Deno.test("logger never waits for a standard error that nobody reads", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", new URL("log_flood.ts", import.meta.url).pathname],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // Standard error stays unread until the child has ended.
  const stdout = await new Response(child.stdout).text();
  const { code } = await child.status;
  const stderr = await new Response(child.stderr).text();
  assertEquals(code, 0);
  const lines = stderr.split("\n").slice(0, -1);
  assertEquals(Number(stdout) + lines.length, 10_000);
  assert(Number(stdout) > 0);
  for (const line of lines) assert(line.endsWith(" of many that nobody reads"), line);
});

Deno.test("a log file on a full disk is mentioned in the other outputs, once", () => {
  using full = new LogFile();
  using other = new LogFile();
  const file = { level: 1 as LogPriority, destination: "file" as const };
  full.start({ outputs: [{ ...file, argument: "/dev/full" }, { ...file, argument: other.path }] });
  const before = droppedMessages();
  logger("a").error("1");
  logger("a").error("2");
  assertEquals(droppedMessages() - before, 2);
  assertEquals(other.lines(), [
    'warning : log : the log file "/dev/full" takes no messages: is the disk full?',
    "error : a : 1",
    "error : a : 2",
  ]);
});

Deno.test("reconfigureLogging takes more filters than a call can have arguments", () => {
  using file = new LogFile();
  file.start();
  const log = logger("many");
  log.error("before");
  const filters = Array.from({ length: 200_000 }, () => ({ level: 2 as LogPriority, match: "a" }));
  reconfigureLogging({ filters });
  log.warn("among them");
  assertEquals(file.lines(), ["error : many : before", "warning : many : among them"]);
});

Deno.test("a log filter of megabytes, or one with many stars, neither throws nor keeps anybody waiting", () => {
  using file = new LogFile();
  const matches = ["n".repeat(4_000_000), `${"*".repeat(40)}Z`, "*y"];
  file.start({ filters: matches.map((match) => ({ level: 2, match })) });
  logger("locking", "lock_day").info("1");
  assertEquals(file.lines(), ["info : locking.lock_day : 1"]);
});
