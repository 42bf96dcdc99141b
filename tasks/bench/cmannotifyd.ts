/**
 * cmannotifyd beside corosync-notifyd, on three real nodes of which one is cut off and comes back: how long after corosync's own line in
 * its log our daemon knows and our script starts, and theirs is noticed; and how long a start takes alone. Needs root, and the Debian packages corosync, corosync-notifyd, iproute2 and gcc.
 */
import { Cluster, missingForCluster } from "../../tests/native/corosync/cluster.ts";
import { startCorosyncNotifyd } from "../../tests/native/cmannotifyd/corosync_notifyd.ts";
import {
  delays,
  delaysOfNotices,
  received,
  startsAlone,
} from "../../tests/native/cmannotifyd/latency.ts";
import { lacks, Notifier } from "../../tests/native/cmannotifyd/notifier.ts";
import { ACTS, settled } from "../../tests/native/cmannotifyd/story.ts";
import type { BenchOptions } from "./options.ts";
import { compare, type Figures, table } from "./report.ts";

const CUTS_PER_ROUND = 4;
const ACT_NAMES = ["node 3 is cut off", "the partition heals"];

/** Measures, and prints the table; whether it could. */
export async function benchCmannotifyd({ rounds }: BenchOptions): Promise<boolean> {
  const reason = await missingForCluster() ?? await lacks("corosync-notifyd", "cc");
  if (reason !== undefined) {
    console.error(`cmannotifyd cannot be measured: ${reason}`);
    return false;
  }
  await using cluster = await Cluster.start(3);
  const notifiers = cluster.nodes.map((node) => new Notifier(node));
  for (const notifier of notifiers) await begin(notifier);
  for (let i = 0; i < rounds * CUTS_PER_ROUND; i++) {
    for (const act of ACTS.filter(({ name }) => ACT_NAMES.includes(name))) {
      await act.play(cluster);
      await settled(cluster, act);
    }
  }
  const [ours, theirs] = await figuresOf(notifiers);
  console.log(table("cmannotifyd: medians, beside corosync-notifyd", compare(ours, theirs)));
  return true;
}

/** Corosync tells one client after the other: on each second node theirs connects first. */
async function begin(notifier: Notifier): Promise<void> {
  const { node } = notifier;
  if (node.id % 2 === 0) startCorosyncNotifyd(node);
  await notifier.record();
  await notifier.start({ config: "extra_variables = 1\n" });
  await notifier.hasTold(2);
  if (node.id % 2 === 1) startCorosyncNotifyd(node);
}

const ALONE = 100;

async function figuresOf(
  notifiers: readonly Notifier[],
): Promise<[ours: Figures, theirs: Figures]> {
  const delay = await delays(notifiers);
  const known = await delays(notifiers, received);
  const noticed = await delaysOfNotices(notifiers.map(({ node }) => node));
  const [first] = notifiers;
  const resident = await Promise.all(
    (["daemon", "runner"] as const).map((who) => first.residentMegabytes(who)),
  );
  const told = "corosync's log to the daemon, theirs: to its notice of quorum, ms";
  const quorum = "corosync's log to the script, theirs: to its notice of quorum, ms";
  const members = "corosync's log to the script, theirs: to its notice of a member, ms";
  const ours: Figures = new Map([
    [told, known],
    [quorum, delay],
    [members, delay],
    ["the daemon to the script, ms", delay.map((ms, i) => ms - known[i])],
    ["the start of a script, alone, ms", await startsAlone(ALONE)],
    ["RSS idle, the daemon, MB", [resident[0]]],
    ["RSS idle, its script runner, MB", [resident[1]]],
  ]);
  return [
    ours,
    new Map([
      [told, [...noticed.quorum]],
      [quorum, [...noticed.quorum]],
      [members, [...noticed.members]],
    ]),
  ];
}
