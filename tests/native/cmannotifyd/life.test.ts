/** The daemon while corosync dies, comes back, stands still, is shut down or reads its configuration anew. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Cluster, clusterTest, type Node } from "../corosync/cluster.ts";
import { eventually } from "../corosync/eventually.ts";
import { lacks, Notifier, ownNodeTest } from "./notifier.ts";

const EXTRA = "extra_variables = 1\n";
const withoutCompiler = await lacks("cc");

/** Longer than any script that is to be overtaken may take. */
const SLOW_S = 8;
/** After which an unanswered vote is a no (cfg.shutdown_timeout). */
const VOTE_MS = 5_000;

async function msOf(action: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await action();
  return performance.now() - began;
}

/** Open descriptors, once nothing is on its way any more; the least of some, since whoever asks for the status has one, too. */
async function descriptors(notifier: Notifier): Promise<number> {
  await notifier.isQuiet();
  const folder = `/proc/${await notifier.pid()}/fd`;
  const counts: number[] = [];
  for (let i = 0; i < 3; i++) {
    counts.push((await notifier.node.run("ls", folder)).stdout.trim().split("\n").length);
  }
  return Math.min(...counts);
}

/** How much of the memory that libqb shares with corosync, of this run or of an earlier one, the daemon has mapped. */
async function rings(notifier: Notifier): Promise<number> {
  return (await notifier.proc("maps")).match(/\/qb-.*$/gm)?.length ?? 0;
}

ownNodeTest(
  "it begins before corosync, and lives through its deaths and ends without leaving anything open",
  async (notifier) => {
    const { node } = notifier;
    await node.kill();
    await notifier.record();
    await notifier.start({ config: EXTRA });
    assertEquals(await notifier.told(), []);
    const counts: number[][] = [];
    const told: string[] = [];
    for (const end of ["KILL", "TERM", "-H", "-H --force", "KILL"]) {
      await node.start();
      told.push("CONFIG_UPDATE", "STATECHANGE 1 1");
      await notifier.hasTold(told.length);
      counts.push([await descriptors(notifier), await rings(notifier)]);
      if (end.startsWith("-H")) {
        const took = await msOf(() => node.run("corosync-cfgtool", ...end.split(" ")));
        assert(took < VOTE_MS, `${end}: ${took} ms`);
        told.push("TRY_SHUTDOWN");
      } else await node.signal(end);
      await node.ended();
      await notifier.hasTold(told.length);
    }
    assertEquals(await notifier.toldTexts(), told);
    assertEquals(counts, counts.map(() => counts[0]));
    assertEquals(await notifier.stop(), 0);
  },
);

ownNodeTest(
  "a corosync that stands still is waited for, at the start and later, and keeps nobody from ending the daemon",
  async (notifier) => {
    const { node } = notifier;
    await node.signal("STOP");
    await notifier.record();
    await notifier.start({ config: EXTRA });
    await eventually("it is said", async () => (await notifier.log()).includes("does not answer"));
    assertEquals(await notifier.told(), []);
    await node.signal("CONT");
    await notifier.hasTold(2);
    await node.signal("STOP");
    assertStringIncludes(
      (await notifier.ask("status")).stdout,
      "Cluster lab: quorate, members 1 (n1)",
    );
    assertEquals(await notifier.stop(), 0);
    await node.signal("CONT");
    assertEquals(await notifier.toldTexts(), ["CONFIG_UPDATE", "STATECHANGE 1 1"]);
  },
);

ownNodeTest(
  "corosync shuts down at once while a script runs, and what waits is told afterwards in order",
  async (notifier) => {
    const { node } = notifier;
    await notifier.start({ config: EXTRA });
    await notifier.isQuiet();
    await notifier.record("20-record");
    await notifier.script("10-slow", `#!/bin/sh\n[ -e /run/told ] || sleep ${SLOW_S}\n`);
    await node.run("corosync-cfgtool", "-R");
    await eventually(
      "the script sleeps",
      async () => (await notifier.text("log/cluster/cman_notify.log")).includes("starting 10-slow"),
    );
    assertEquals(await notifier.told(), []);
    const took = await msOf(async () => {
      assertEquals((await node.run("corosync-cfgtool", "-H")).code, 0);
      await node.ended();
    });
    assert(took < VOTE_MS, `${took} ms`);
    assertEquals(await notifier.told(), [], "the script was over before corosync");
    await notifier.hasTold(2);
    assertEquals(await notifier.toldTexts(), ["CONFIG_UPDATE", "TRY_SHUTDOWN"]);
  },
);

/** Changes a node's own configuration. */
async function configure(node: Node, change: (text: string) => string): Promise<void> {
  await Deno.writeTextFile(node.configFile, change(await Deno.readTextFile(node.configFile)));
}

clusterTest(
  "each node is told once of a reload, wherever it was asked for, and not of one that failed",
  async () => {
    await using cluster = await Cluster.start(2);
    const [first, second] = cluster.nodes.map((node) => new Notifier(node));
    for (const notifier of [first, second]) {
      await notifier.record();
      await notifier.start({ config: EXTRA });
      await notifier.hasTold(2);
    }
    const reload = (): ReturnType<Node["run"]> => first.node.run("corosync-cfgtool", "-R");
    const pair = ["CONFIG_UPDATE", "STATECHANGE 1 1 2"];
    const toldIs = async (...counts: number[]): Promise<void> => {
      for (const [i, notifier] of [first, second].entries()) {
        await notifier.hasTold(2 + counts[i]);
        assertEquals(await notifier.toldTexts(), [
          ...pair,
          ...Array(counts[i]).fill("CONFIG_UPDATE"),
        ]);
      }
    };
    assertEquals((await reload()).code, 0);
    await toldIs(1, 1);
    await configure(first.node, (text) => text.replace("token: 300", "token: 400"));
    assertEquals((await reload()).code, 0);
    await toldIs(2, 2);
    const good = await Deno.readTextFile(first.node.configFile);
    await configure(first.node, (text) => `${text}\nno such line`);
    assert((await reload()).code !== 0);
    await toldIs(2, 3);
    await Deno.writeTextFile(
      first.node.configFile,
      good.replace("token: 400", "token: 10"),
    );
    await reload();
    await eventually("the refusal is logged", async () => (await first.log()).includes("refused"));
    await toldIs(2, 4);
    await Deno.writeTextFile(first.node.configFile, good);
    assertEquals((await reload()).code, 0);
    await toldIs(3, 5);
  },
  withoutCompiler,
);

clusterTest(
  "without a quorum provider each change of membership is told, and quorum is 1",
  async () => {
    await using cluster = await Cluster.start(2, { provider: false });
    const notifier = new Notifier(cluster.nodes[0]);
    await notifier.record();
    await notifier.start({ config: EXTRA });
    await notifier.hasTold(2);
    await cluster.nodes[1].kill();
    await notifier.hasTold(3);
    await cluster.nodes[1].start();
    await notifier.hasTold(4);
    assertEquals(await notifier.toldTexts(), [
      "CONFIG_UPDATE",
      "STATECHANGE 1 1 2",
      "STATECHANGE 1 1 -2",
      "STATECHANGE 1 1 2 +2",
    ]);
  },
  withoutCompiler,
);

ownNodeTest(
  "start_attempts ends a daemon that never reaches corosync, and start_notifications = 0 tells what happens only",
  async (notifier) => {
    const { node } = notifier;
    await node.kill();
    await notifier.record();
    await notifier.write("etc/cluster/cmannotifyd.conf", "start_attempts = 2\n");
    const refused = await notifier.ask("-f");
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.stderr, "cannot reach corosync in 2 attempts");
    await node.start();
    await notifier.start({ config: `${EXTRA}start_notifications = 0\n` });
    await eventually(
      "it is connected",
      async () => (await notifier.log()).includes("connected to corosync, quorate"),
    );
    await node.run("corosync-cfgtool", "-R");
    await notifier.hasTold(1);
    assertEquals(await notifier.toldTexts(), ["CONFIG_UPDATE"]);
  },
);
