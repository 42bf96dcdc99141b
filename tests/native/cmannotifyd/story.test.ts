/**
 * Three real nodes live through joins, leaves, deaths, partitions, reloads and shutdowns. What scripts were told is compared with what
 * corosync wrote into its own log, event for event, and with what corosync-notifyd noticed in the same run.
 */
import { assert, assertEquals } from "@std/assert";
import { Cluster, clusterTest } from "../corosync/cluster.ts";
import { eventually } from "../corosync/eventually.ts";
import { startCorosyncNotifyd } from "./corosync_notifyd.ts";
import { type Logged, runsIn } from "./corosync_log.ts";
import { comparison, type Seen, seenBy } from "./differential.ts";
import { delays, delaysOfNotices, latencyTable, medianMs } from "./latency.ts";
import { lacks, Notifier, type Told } from "./notifier.ts";
import { isReload, parts } from "./told.ts";
import { ACTS, settled } from "./story.ts";

/** The issue's own: from corosync's line in its log to the start of the first script. */
const LATENCY_MS = 20;

const text = ({ what, lists }: Pick<Logged, "what" | "lists">): string => `${what} ${lists}`.trim();

/** After a connect nobody is told of who joined and left before. */
const membersOf = ({ lists }: Pick<Logged, "lists">): string => lists.replace(/ [+-].*/, "");

/**
 * Whether scripts were told exactly what corosync logged from the moment on when it was reached: the pair has the state of that moment,
 * and all that follows is the rest of the log, one for one.
 */
function assertTold(part: readonly Told[], logged: readonly Logged[], where: string): void {
  const [config, state, ...rest] = part;
  assertEquals([config.what, state.initial], ["CONFIG_UPDATE", true], where);
  const now = logged.length - rest.length - 1;
  assert(now >= 0, `${where}: told ${part.map(text)}, logged ${logged.map(text)}`);
  assertEquals(rest.map(text), logged.slice(now + 1).map(text), where);
  const [told, was] = [state, logged[now]].map((one) => `${one.what} ${membersOf(one)}`);
  assertEquals(told, was, where);
}

/** How often corosync was reached and read anew, and the last that is known besides. */
function summary(
  runs: readonly (readonly Pick<Logged, "what" | "lists">[])[],
  reloads: number,
): string {
  const last = runs.at(-1)?.at(-1);
  const state = last === undefined ? "" : text({ ...last, lists: membersOf(last) });
  return `${runs.length} connections, ${reloads} reloads, ${state}`;
}

/** Waits until scripts were told of the last that happened. */
async function caughtUp(notifier: Notifier, reloads: number): Promise<void> {
  const { node } = notifier;
  const states = async (): Promise<[happened: string, told: string]> => {
    const told = await notifier.told();
    const others = told.filter((one) => !isReload(one));
    const happened = summary(runsIn(await node.log(), node.id), reloads);
    return [happened, summary(parts(others), told.length - others.length)];
  };
  const isSame = async (): Promise<boolean> => {
    const [happened, told] = await states();
    return happened === told;
  };
  await eventually(`node ${node.id} has caught up`, isSame, 60_000).catch(async (error) => {
    throw new Error((await states()).join(", told: "), { cause: error });
  });
}

/** Plays all acts; what both daemons had seen at the end of each. */
async function play(cluster: Cluster, notifiers: readonly Notifier[]): Promise<Seen[][]> {
  const seen: Seen[][] = [];
  let reloads = 0;
  for (const act of ACTS) {
    await act.play(cluster);
    await settled(cluster, act);
    if (act.isReload) reloads++;
    for (const notifier of notifiers) await caughtUp(notifier, reloads);
    seen.push(await Promise.all(notifiers.map(seenBy)));
  }
  return seen;
}

clusterTest(
  "at each of three nodes, scripts are told what corosync logs, exactly and in order",
  async () => {
    await using cluster = await Cluster.make(3);
    const notifiers = cluster.nodes.map((node) => new Notifier(node));
    for (const node of cluster.nodes.slice(0, 2)) await node.start();
    await Promise.all(cluster.nodes.slice(0, 2).map((node) => node.hasMembers(1, 2)));
    // On node 3, before corosync.
    for (const notifier of notifiers) {
      await notifier.record();
      await notifier.start({ config: "extra_variables = 1\n" });
      startCorosyncNotifyd(notifier.node);
    }
    for (const notifier of notifiers.slice(0, 2)) await notifier.hasTold(2);
    const seen = await play(cluster, notifiers);

    for (const notifier of notifiers) {
      const { node } = notifier;
      const runs = runsIn(await node.log(), node.id);
      const told = parts((await notifier.told()).filter((one) => !isReload(one)));
      assertEquals(told.length, runs.length, `connections of node ${node.id}`);
      for (const [i, part] of told.entries()) {
        assertTold(part, runs[i], `node ${node.id}, run ${i + 1} of corosync`);
      }
    }
    const { table, differences } = comparison(ACTS, seen);
    console.log(table);
    assertEquals(differences, []);
    const reload = ACTS.findIndex(({ isReload }) => isReload);
    for (const [n, { told }] of seen[reload].entries()) {
      const before = seen[reload - 1][n].told.length;
      assertEquals(told.slice(before).map(text), ["CONFIG_UPDATE"], `node ${n + 1}`);
    }

    const ours = await delays(notifiers);
    const theirs = await delaysOfNotices(cluster.nodes);
    console.log(latencyTable(ours, theirs));
    assert(ours.length >= 30, `${ours.length} delays`);
    // On a machine that is too busy for that, corosync-notifyd is late, too: it has to wait for a processor once, and we three times.
    const most = Math.max(LATENCY_MS, 4 * medianMs(theirs.members));
    assert(medianMs(ours) <= most, `median ${medianMs(ours)} ms, over ${most} ms`);
    for (const notifier of notifiers) assertEquals(await notifier.stop(), 0);
  },
  await lacks("cc", "corosync-notifyd"),
);
