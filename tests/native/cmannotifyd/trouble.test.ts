/** Scripts that misbehave, more events than scripts can follow, a full disk. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { eventually } from "../corosync/eventually.ts";
import { type Notifier, notifierTest, sharedNode } from "./notifier.ts";

sharedNode();

const EXTRA = "extra_variables = 1\n";
const SCRIPTS = "/etc/cluster/cman-notify.d";
/** What the daemon and its runner may have in memory while there is work; idle, they have less (confined.test.ts). */
const RESIDENT_MB = 70;

async function staysSmall(notifier: Notifier): Promise<void> {
  for (const who of ["daemon", "runner"] as const) {
    const megabytes = await notifier.residentMegabytes(who);
    assert(megabytes <= RESIDENT_MB, `${who}: ${megabytes} MB`);
  }
}

notifierTest(
  "scripts that flood, crash, vanish or are no programs are noted, and keep none after them from running",
  async (notifier) => {
    await notifier.script(
      "10-floods",
      "#!/bin/sh\nyes flood | head -c 100000000\nyes 2>&1 >&2 | head -c 1000 >&2\n",
    );
    await notifier.script("20-crashes", "#!/bin/sh\nkill -SEGV $$\n");
    await notifier.script("30-removes", `#!/bin/sh\nrm -f ${SCRIPTS}/40-vanishes\n`);
    await notifier.script("40-vanishes", "#!/bin/sh\n");
    await notifier.script("50-no-interpreter", "#!/no/such/interpreter\n");
    await notifier.script("60-leaves-a-child", "#!/bin/sh\nsleep 60 &\n");
    await notifier.record("70-record");
    await notifier.start({ config: EXTRA });
    await notifier.hasTold(2);
    assertEquals(await notifier.toldTexts(), ["CONFIG_UPDATE", "STATECHANGE 1 1"]);
    const { notifications: [first] } = JSON.parse((await notifier.ask("status", "--json")).stdout);
    const ends = first.scripts.map(({ script, how }: { script: string; how: string }) =>
      `${script.slice(SCRIPTS.length + 1)}: ${how.replace(/^posix_spawn ".*": /, "")}`
    );
    assertEquals(ends, [
      "10-floods: exit 0",
      "20-crashes: signal 11",
      "30-removes: exit 0",
      "40-vanishes: No such file or directory",
      "50-no-interpreter: No such file or directory",
      "60-leaves-a-child: exit 0",
      "70-record: exit 3",
    ]);
    assertMatch(await notifier.log(), /cannot run \S*40-vanishes: .*No such file or directory\n/);
    await staysSmall(notifier);
  },
);

notifierTest(
  "a script that hangs is ended with all that it started when its time is up",
  async (notifier) => {
    await notifier.script("10-hangs", "#!/bin/sh\nsleep 1000\n");
    await notifier.script("20-deaf", "#!/bin/bash\ntrap '' TERM\nsleep 1000 & wait\nwait\n");
    await notifier.record("30-record");
    await notifier.start({ config: `${EXTRA}script_timeout = 1\nstart_notifications = 0\n` });
    await eventually("it is connected", async () => (await notifier.log()).includes("connected"));
    await notifier.node.run("corosync-cfgtool", "-R");
    await eventually(
      "the second runs",
      async () => (await notifier.control("status"))?.includes("20-deaf") ?? false,
    );
    // It will for six seconds.
    const { stdout: status } = await notifier.ask("status");
    assertMatch(status, /20-deaf +\d+\.\d{3} +still runs/);
    await notifier.hasTold(1);
    const log = await notifier.log();
    assertStringIncludes(log, `${SCRIPTS}/10-hangs ran too long and was ended: signal 15\n`);
    assertStringIncludes(log, `${SCRIPTS}/20-deaf ran too long and was ended: signal 9\n`);
    const { stdout } = await notifier.node.run("ps", "-eo", "stat=,args=");
    assertEquals(
      stdout.split("\n").filter((line) => /^[^Z].*sleep 1000/.test(line)),
      [],
    );
  },
);

/** The shell ends by the first SIGTERM, and leaves behind one who ignores it, one in a group of its own, and one who cleans up. */
const LEAVES = `#!/bin/bash
( trap '' TERM; while sleep 0.2; do echo deaf >> /run/out; done ) &
timeout --kill-after=1000 1000 bash -c "trap '' TERM; while sleep 0.2; do echo apart >> /run/out; done" &
( trap 'sleep 1; echo cleaned >> /run/out; exit' TERM; while :; do sleep 0.2; done ) &
wait
`;

notifierTest(
  "what a script whose time is up leaves behind has time to clean up, and is gone before the next begins",
  async (notifier) => {
    await notifier.script("10-leaves", LEAVES);
    await notifier.script("20-next", "#!/bin/sh\necho next >> /run/out\n");
    await notifier.record("30-record");
    await notifier.start({ config: `${EXTRA}script_timeout = 2\nstart_notifications = 0\n` });
    await eventually("it is connected", async () => (await notifier.log()).includes("connected"));
    await notifier.node.run("corosync-cfgtool", "-R");
    await notifier.hasTold(1);
    const lines = (await notifier.text("run/out")).trimEnd().split("\n");
    assertEquals([...new Set(lines)].sort(), ["apart", "cleaned", "deaf", "next"]);
    assertEquals(lines.at(-1), "next");
    const { stdout } = await notifier.node.run("ps", "-eo", "stat=,args=");
    assertEquals(stdout.match(/^[^Z].*(10-leaves|\/run\/out).*$/gm), null);
    const said = `${SCRIPTS}/10-leaves ran too long and was ended: signal 15\n`;
    assertStringIncludes(await notifier.log(), said);
  },
);

notifierTest(
  "a script directory that cannot be read is said, and read again the next time",
  async (notifier) => {
    await notifier.write("etc/cluster/cman-notify.d", "a file\n");
    await notifier.start({ config: EXTRA });
    await eventually(
      "it is said",
      async () => (await notifier.log()).includes("no script can be run: "),
    );
    assertStringIncludes(await notifier.log(), `"${SCRIPTS}": Not a directory`);
    await Deno.remove(notifier.path("etc/cluster/cman-notify.d"));
    await notifier.record();
    await notifier.node.run("corosync-cfgtool", "-R");
    await notifier.hasTold(1);
  },
);

const BURST = 1_000;
/** Until the test lets it go. */
const WAITS = "#!/bin/sh\nwhile [ -e /run/wait ]; do sleep 0.1; done\n";
const burst = fromFileUrl(new URL("burst_child.ts", import.meta.url));
const config = fromFileUrl(new URL("../../../deno.json", import.meta.url));

/** Has corosync read its configuration anew, as often as corosync can. */
async function reloadOften({ node }: Notifier, times: number): Promise<void> {
  const flags = ["run", "-A", "--no-check", `--config=${config}`, "--v8-flags=--stack-size=4000"];
  const done = await node.run("env", "NO_COLOR=1", Deno.execPath(), ...flags, burst, `${times}`);
  assertEquals([done.code, done.stderr], [0, ""]);
}

notifierTest(
  "a thousand events in a burst are a thousand notifications, in order",
  async (notifier) => {
    await notifier.record("20-record");
    await notifier.script("10-waits", WAITS);
    await notifier.write("run/wait", "");
    await notifier.start({ config: EXTRA });
    await reloadOften(notifier, BURST);
    const { queue } = JSON.parse((await notifier.ask("status", "--json")).stdout);
    assertEquals(queue, { length: BURST + 1, limit: 4096, highWater: BURST + 1 });
    await Deno.remove(notifier.path("run/wait"));
    await notifier.hasTold(BURST + 2);
    const told = await notifier.told();
    assertEquals(
      told.map(({ sequence }) => sequence),
      Array.from({ length: BURST + 2 }, (_, i) => i + 1),
    );
    assertEquals(told.slice(2).filter(({ what }) => what !== "CONFIG_UPDATE"), []);
    for (const count of [16, 32, 64, 128, 256, 512]) {
      assertStringIncludes(
        await notifier.log(),
        ` ${count} notifications wait for their scripts\n`,
      );
    }
    await staysSmall(notifier);
  },
);

notifierTest(
  "a queue that is full merges what further comes, says so, and loses no last state",
  async (notifier) => {
    await notifier.record("20-record");
    await notifier.script("10-waits", WAITS);
    await notifier.write("run/wait", "");
    await notifier.start({ config: `${EXTRA}queue_limit = 10\n` });
    await reloadOften(notifier, 100);
    await Deno.remove(notifier.path("run/wait"));
    // The first, which ran; STATECHANGE; nine more, of which the last stands for 91.
    await notifier.hasTold(11);
    assertEquals((await notifier.told()).map(({ sequence }) => sequence), [
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
      9,
      10,
      102,
    ]);
    const log = await notifier.log();
    assertStringIncludes(log, "queue full: from notification 12 on, they are merged\n");
    assertStringIncludes(log, "notification 102 stands for 91 older ones, too\n");
  },
);

notifierTest("a full disk costs log lines and nothing else, and is mentioned", async (notifier) => {
  await notifier.record();
  const full = "mkdir -p /var/log/cluster && mount -t tmpfs -o size=16k full /var/log/cluster && " +
    "head -c 16384 /dev/zero > /var/log/cluster/full";
  await notifier.start({ config: EXTRA, shell: `${full} && exec "$@"` });
  await notifier.node.run("corosync-cfgtool", "-R");
  await notifier.hasTold(3);
  const pid = await notifier.pid();
  // As the daemon sees it.
  const folder = ["", "proc", pid, "root", "var/log/cluster"].join("/");
  await notifier.node.run("rm", `${folder}/full`);
  await notifier.node.run("corosync-cfgtool", "-R");
  await notifier.hasTold(4);
  assertEquals((await notifier.toldTexts()).slice(2), ["CONFIG_UPDATE", "CONFIG_UPDATE"]);
  const log = (await notifier.node.run("cat", `${folder}/cmannotifyd.log`)).stdout;
  assertMatch(log, /cmannotifyd \d+ messages before the last are lost\n/);
  assertEquals(await notifier.stop(), 0);
  const said = await notifier.stderr();
  assertStringIncludes(said, 'the log file "/var/log/cluster/cmannotifyd.log" takes no messages');
  assertStringIncludes(said, '"/var/log/cluster/cman_notify.log" takes no lines');
});
