/** A daemon that ends while a script runs, and the one after it. */
import { assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../corosync/eventually.ts";
import { type Notifier, notifierTest, sharedNode } from "./notifier.ts";

sharedNode();

/** Until the test lets it go; what it leaves in the background keeps nobody waiting. */
const SLOW = `#!/bin/sh
sleep 1000 &
echo begins $$ >> /run/out
while [ -e /run/wait ]; do sleep 0.1; done
echo ends $$ >> /run/out
`;

async function lines(notifier: Notifier): Promise<string[]> {
  return (await notifier.text("run/out")).split("\n").slice(0, -1);
}

/** Waits until the first script runs, which is at the CONFIG_UPDATE of the start. Its process. */
async function startSlow(notifier: Notifier): Promise<number> {
  await notifier.script("10-slow", SLOW);
  await notifier.write("run/wait", "");
  await notifier.start();
  await eventually("the script runs", async () => (await lines(notifier)).length === 1);
  return Number((await lines(notifier))[0].split(" ")[1]);
}

async function runners(notifier: Notifier): Promise<number> {
  const { stdout } = await notifier.node.run("ps", "-eo", "stat=,args=");
  return stdout.match(/^[^Z].*cmannotifyd @runner$/gm)?.length ?? 0;
}

/** Lets the script go, and waits until the new daemon has told its two notifications. None began before another had ended. */
async function hasTurns(notifier: Notifier): Promise<void> {
  assertEquals((await lines(notifier)).length, 1);
  await Deno.remove(notifier.path("run/wait"));
  await eventually("all scripts have ended", async () => (await lines(notifier)).length === 6);
  const pids = (await lines(notifier)).map((line) => line.replace(/^\w+ /, ""));
  assertEquals(pids.map((_, i) => pids[i - i % 2]), pids);
  assertEquals(new Set(pids).size, 3);
}

notifierTest(
  "the scripts of a daemon that was ended and of the next do not overlap, and who waits says for whom",
  async (notifier) => {
    const pid = await startSlow(notifier);
    assertEquals(await notifier.stop(), 0);
    await notifier.start();
    await eventually(
      "it is said",
      async () => (await notifier.log()).includes("has not ended, and all others wait for it"),
    );
    const said = `a script of an earlier run of the daemon, process ${pid}, has not ended`;
    assertMatch(await notifier.log(), new RegExp(said));
    assertEquals(await runners(notifier), 2);
    // One that waits has nothing to see through.
    assertEquals(await notifier.stop(), 0);
    await eventually("one runner is left", async () => await runners(notifier) === 1);
    await notifier.start();
    await hasTurns(notifier);
  },
);

notifierTest(
  "a script whose runner was killed is waited for by the next daemon",
  async (notifier) => {
    await startSlow(notifier);
    await notifier.node.run("kill", "-KILL", `${await notifier.runnerPid()}`);
    assertEquals(await notifier.ended(), 1);
    await notifier.start();
    const begun = /notification 1: CONFIG_UPDATE\n[^]*notification 1: CONFIG_UPDATE\n/;
    await eventually("its first is due", async () => begun.test(await notifier.log()));
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await hasTurns(notifier);
  },
);

notifierTest(
  "a daemon that is ended in the moment in which it hears of a reload ends well",
  async (notifier) => {
    await notifier.record();
    // Not the process that nsenter waits for, which would stop with it.
    await notifier.start({ shell: '"$@" & wait $!' });
    await notifier.hasTold(2);
    // Both are there when it looks the next time.
    await notifier.signal("STOP");
    assertEquals((await notifier.node.run("corosync-cfgtool", "-R")).code, 0);
    await notifier.signal("TERM");
    await notifier.signal("CONT");
    assertEquals([await notifier.ended(), /Error/.test(await notifier.log())], [0, false]);
  },
);
