/** cmannotifyd's act: three real corosync nodes in namespaces of this machine, and a script that was written for CMAN. */
import { Cluster, missingForCluster } from "../../tests/native/corosync/cluster.ts";
import { eventually } from "../../tests/native/corosync/eventually.ts";
import { Notifier } from "../../tests/native/cmannotifyd/notifier.ts";
import { ensurePackages } from "../setup.ts";
import type { Stage } from "./stage.ts";

const PACKAGES = ["corosync", "iproute2"];

/** As one would have written it in 2012. */
const SCRIPT = `#!/bin/bash
PATH=/bin:/usr/bin
case "$CMAN_NOTIFICATION" in
CMAN_REASON_STATECHANGE) echo "$EPOCHREALTIME quorum $CMAN_NOTIFICATION_QUORUM" ;;
CMAN_REASON_CONFIG_UPDATE) echo "$EPOCHREALTIME configuration" ;;
CMAN_REASON_TRY_SHUTDOWN) echo "$EPOCHREALTIME shutdown" ;;
esac >> /run/heard
`;
/** A node's state without corosync. */
const GONE = "no corosync";
const SLOW_SCRIPT = "#!/bin/sh\n[ -e /run/awake ] || sleep 8\n: > /run/awake\n";

/** Plays the act, or says why it cannot be played. */
export async function cmannotifydAct(stage: Stage, things: AsyncDisposableStack): Promise<void> {
  const isReady = await ensurePackages("the demo", PACKAGES);
  const reason = isReady || Deno.uid() !== 0
    ? await missingForCluster()
    : "corosync is not installed";
  if (reason !== undefined) return await stage.leaveOut(reason);
  const cluster = things.use(await Cluster.make(3));
  await cluster.form();
  const notifiers = cluster.nodes.map((node) => new Notifier(node));
  stage.recorder.order(...notifiers.map(trackOf));
  const play: Play = { stage, cluster, notifiers };
  await begin(play);
  await death(play);
  await partition(play);
  await shutdown(play);
  for (const notifier of notifiers) await takeDown(stage, notifier);
}

/** What the act is played with. */
interface Play {
  readonly stage: Stage;
  readonly cluster: Cluster;
  readonly notifiers: readonly Notifier[];
}

/** Hands what the script of a node has heard to the report. */
async function takeDown(stage: Stage, notifier: Notifier): Promise<void> {
  const track = trackOf(notifier);
  for (const line of (await notifier.text("run/heard")).trimEnd().split("\n")) {
    const [time, ...words] = line.split(" ");
    const at = stage.at(Number(time) * 1000);
    stage.recorder.mark(track, words.join(" "), at);
    if (words[0] === "quorum") {
      stage.recorder.state(track, words[1] === "1" ? "quorum" : "no quorum", at);
    }
  }
}

function trackOf({ node }: Notifier): string {
  return `node ${node.id}`;
}

/** What the script of a node has heard, without the times. */
async function heard(notifier: Notifier): Promise<string[]> {
  const lines = (await notifier.text("run/heard")).trimEnd().split("\n");
  return lines.filter((line) => line !== "").map((line) => line.replace(/^\S+ /, ""));
}

async function hears(notifier: Notifier, ...last: string[]): Promise<void> {
  await eventually(
    `node ${notifier.node.id} hears ${last}`,
    async () => (await heard(notifier)).slice(-last.length).join() === last.join(),
    60_000,
  );
}

async function begin({ stage, notifiers }: Play): Promise<void> {
  await stage.part("1. A script that nobody has touched since 2012");
  await stage.happens(
    "three nodes with the real corosync form a cluster, in namespaces of this machine",
  );
  await Promise.all(notifiers.map(async (notifier) => {
    await notifier.script("50-old-script", SCRIPT);
    await notifier.start();
    await hears(notifier, "configuration", "quorum 1");
  }));
  await stage.shows("a script written for CMAN is told how things are", true);
}

async function death({ stage, cluster, notifiers: [first, second, third] }: Play): Promise<void> {
  await stage.part("2. A node dies");
  const before = (await heard(first)).length;
  await stage.happens("kill -9 of node 3");
  await cluster.nodes[2].kill();
  stage.recorder.state(trackOf(third), GONE, stage.now());
  for (const notifier of [first, second]) await hears(notifier, "quorum 1", "quorum 1");
  await stage.shows("nodes 1 and 2 hear of it once", (await heard(first)).length === before + 1);
  await stage.happens(`${await milliseconds(first)} ms after corosync wrote of it in its own log`);
  await cluster.nodes[2].start();
  for (const node of cluster.nodes) await node.hasMembers(1, 2, 3);
}

/** From corosync's last word on members to the first instruction of the script. */
async function milliseconds(notifier: Notifier): Promise<string> {
  const lines = [...(await notifier.node.log()).matchAll(/^(\w+ \d+ [\d:.]+) .*\] Members\[/gm)];
  const logged = Date.parse(`${new Date().getFullYear()} ${lines.at(-1)?.[1]}`);
  const started = Number(
    (await notifier.text("run/heard")).trimEnd().split("\n").at(-1)?.split(" ")[0],
  );
  return (started * 1000 - logged).toFixed(0);
}

async function partition({ stage, cluster, notifiers }: Play): Promise<void> {
  const [, , third] = notifiers;
  await stage.part("3. A cable is pulled");
  await hears(third, "quorum 1");
  await stage.happens("the cable of node 3 is pulled");
  await cluster.connect(third.node, false);
  await hears(third, "quorum 0");
  await stage.shows("node 3 hears that it has lost quorum", true);
  await cluster.connect(third.node, true);
  await hears(third, "quorum 1");
  await stage.shows("and, with the cable back, that it has it again", true);
}

async function shutdown({ stage, notifiers: [, second] }: Play): Promise<void> {
  await stage.part("4. A script is slow, and a node shuts down");
  await stage.why(
    "The original waited for its scripts, and its silence counted as a no: one slow script kept a node from shutting down.",
  );
  await second.script("10-slow", SLOW_SCRIPT);
  await second.node.run("corosync-cfgtool", "-R");
  await eventually(
    "the slow script runs",
    async () => (await second.text("log/cluster/cman_notify.log")).includes("starting 10-slow"),
  );
  const before = await heard(second);
  await stage.happens("on node 2 a script sleeps for 8 seconds; corosync-cfgtool -H");
  const began = performance.now();
  await second.node.run("corosync-cfgtool", "-H");
  await second.node.ended();
  stage.recorder.state(trackOf(second), GONE, stage.now());
  const took = ((performance.now() - began) / 1000).toFixed(1);
  const isAsleep = (await heard(second)).length === before.length;
  await stage.shows(`corosync is gone after ${took} s, and the script still sleeps`, isAsleep);
  await hears(second, "configuration", "shutdown");
  await stage.shows("scripts hear of it when it is their turn, in order", true);
}
