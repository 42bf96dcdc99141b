/** The program as it is started: in the background and in the foreground, twice, with wrong words, and on a machine without md. */
import { assertEquals, assertMatch } from "@std/assert";
import { build } from "../../../tasks/build.ts";
import { run } from "../../../tasks/toolchain.ts";

async function obstacle(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "not root";
  return (await run("unshare", ["--mount", "true"])).success ? undefined : "no mount namespaces";
}

const reason = await obstacle();

function test(name: string, body: () => Promise<void>): void {
  if (reason !== undefined) console.log(`SKIPPED ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn: body });
}

/** Where /run is nobody else's. `$mdmpd` is the program; `ended NAME` tells how the command before it ended. */
async function inPrivate(script: string): Promise<Map<string, string>> {
  const prelude = `mount -t tmpfs none /run || exit 1
    mdmpd=$1
    ended() { echo "$1=$?"; }
    gone() { for i in $(seq 200); do [ -e /proc/$1 ] || return 0; sleep 0.05; done; return 1; }
  `;
  const args = ["--mount", "sh", "-c", prelude + script, "sh", await build("mdmpd")];
  const { stdout } = await run("unshare", args);
  return new Map(
    stdout.split("\n").filter((line) => line.includes("=")).map((line): [string, string] => {
      const [name, value] = line.split(/=(.*)/s);
      return [name, value];
    }),
  );
}

test("mdmpd goes to the background, watches, refuses a second one and ends when it is told to", async () => {
  const said = await inPrivate(`
    $mdmpd; ended start
    pid=$(cat /run/mdmpd/mdmpd.pid)
    echo "folder=$(readlink /proc/$pid/cwd)"
    $mdmpd status --json > /run/status; ended status
    echo "pid=$pid in $(cat /run/status)"
    $mdmpd -f 2> /dev/null; ended second
    kill $pid; gone $pid; ended end
    [ -e /run/mdmpd/mdmpd.pid ] || [ -e /run/mdmpd/control ]; ended left
    $mdmpd status 2> /dev/null; ended late
  `);
  const codes = ["start", "status", "second", "end", "left", "late"].map((name) => said.get(name));
  assertEquals(codes, ["0", "0", "75", "0", "1", "69"]);
  assertEquals(said.get("folder"), "/");
  assertMatch(said.get("pid") ?? "", /^(\d+) in \{.*"pid":\1,/);
});

test("two signals at once end mdmpd as one does", async () => {
  const said = await inPrivate(`
    $mdmpd -f 2> /run/log & pid=$!
    for i in $(seq 200); do $mdmpd status > /dev/null 2>&1 && break; sleep 0.05; done
    kill -STOP $pid
    kill -INT $pid
    kill -TERM $pid
    kill -CONT $pid
    wait $pid; ended end
    grep -c Errno /run/log > /dev/null; ended trouble
  `);
  assertEquals([said.get("end"), said.get("trouble")], ["0", "1"]);
});

test("mdmpd -f writes to standard error in a terminal that systemd has started, and not where that is the journal", async () => {
  const said = await inPrivate(`
    export JOURNAL_STREAM
    look() {
      $mdmpd -f 2> /run/log & pid=$!
      for i in $(seq 200); do $mdmpd status > /dev/null 2>&1 && break; sleep 0.05; done
      kill $pid; wait $pid
      echo "$1=$(grep -c 'hostkeep mdmpd' /run/log)"
    }
    JOURNAL_STREAM=1:1; look terminal
    JOURNAL_STREAM=$(stat -c %d:%i /run/log); look journal
  `);
  assertEquals([said.get("terminal"), said.get("journal")], ["1", "0"]);
});

test("mdmpd stays alive where md is not loaded, and says so", async () => {
  const said = await inPrivate(`
    $mdmpd -f --interval 1 2> /run/log & pid=$!
    for i in $(seq 200); do $mdmpd status > /run/status 2> /dev/null && break; sleep 0.05; done
    echo "md=$(test -e /proc/mdstat && echo loaded)"
    echo "status=$(grep mdstat /run/status)"
    sleep 2.5
    echo "lines=$(grep -c 'cannot be read' /run/log)"
    kill $pid; wait $pid; ended end
    $mdmpd --once > /run/once; ended once
    echo "report=$(grep Arrays /run/once)"
  `);
  assertEquals(said.get("end"), "0");
  assertEquals(said.get("once"), "0");
  if (said.get("md") === "loaded") return;
  assertEquals(said.get("status"), "/proc/mdstat cannot be read: md is not loaded");
  assertEquals(said.get("lines"), "1", "once, however often it is tried");
  assertEquals(said.get("report"), "Arrays: 0");
});

test("mdmpd reads its configuration again on SIGHUP, also one that was put in the place of the first", async () => {
  const said = await inPrivate(`
    mkdir /run/own /run/other && echo "interval = 7" > /run/own/conf
    $mdmpd -f --config /run/own/conf 2> /run/log & pid=$!
    for i in $(seq 200); do $mdmpd status > /run/status 2> /dev/null && break; sleep 0.05; done
    again() {
      before=$(grep -cE "$2" /run/log)
      kill -HUP $pid
      for i in $(seq 200); do [ $(grep -cE "$2" /run/log) -gt $before ] && break; sleep 0.05; done
      [ $(grep -cE "$2" /run/log) -gt $before ]; ended $1
    }
    good="the configuration has been read again"
    again same "$good"
    echo "interval = 9" > /run/own/new && mv /run/own/new /run/own/conf
    again replaced "$good"
    echo "interval = never" > /run/own/conf
    again wrong "everything goes on as before"
    echo "interval = 3" > /run/other/conf && ln -sf /run/other/conf /run/own/conf
    again elsewhere "everything goes on as before.*Permission denied"
    kill $pid; wait $pid; ended end
  `);
  assertEquals([...said], [
    ["same", "0"],
    ["replaced", "0"],
    ["wrong", "0"],
    ["elsewhere", "0"],
    ["end", "0"],
  ]);
});

test("mdmpd refuses what it does not understand, with the code of its kind", async () => {
  const said = await inPrivate(`
    exec 2> /dev/null
    $mdmpd --interval 0; ended value
    $mdmpd --personality raid7; ended personality
    $mdmpd surplus; ended word
    $mdmpd --config /run/none; ended config
    echo "interval = never" > /run/wrong
    $mdmpd --config /run/wrong; ended wrong
    $mdmpd --check-config --config /run/wrong; ended check
    echo "interval = 5" > /run/right
    $mdmpd --check-config --config /run/right > /dev/null; ended right
    ls -d /run/mdmpd; ended traces
  `);
  assertEquals([...said], [
    ["value", "64"],
    ["personality", "64"],
    ["word", "64"],
    ["config", "78"],
    ["wrong", "78"],
    ["check", "78"],
    ["right", "0"],
    ["traces", "2"],
  ]);
});
