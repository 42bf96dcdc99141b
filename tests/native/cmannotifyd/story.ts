/** The acts of a cluster of three: what is done to it, and whom each node sees in the end. */
import type { Cluster, Node } from "../corosync/cluster.ts";
import { eventually } from "../corosync/eventually.ts";

export interface Act {
  readonly name: string;
  play(cluster: Cluster): Promise<void>;
  /** Members as each node sees them afterwards; a node whose corosync does not run has none. */
  readonly members: readonly (readonly number[])[];
  /** Every node reads its configuration anew: one notification. */
  readonly isReload?: boolean;
}

const ALL = [1, 2, 3];
const everybody = [ALL, ALL, ALL];
const withoutThird = [[1, 2], [1, 2], []];

/** Somewhat longer than a token's time, within which a ring may break up again. */
const STILL_MS = 500;

async function cut(cluster: Cluster, ids: readonly number[], on: boolean): Promise<void> {
  for (const id of ids) await cluster.connect(cluster.nodes[id - 1], on);
}

async function stopped(node: Node): Promise<void> {
  await node.signal("TERM");
  await node.ended();
}

export const ACTS: readonly Act[] = [
  { name: "node 3 joins", play: ({ nodes }) => nodes[2].start(), members: everybody },
  { name: "node 3 leaves", play: ({ nodes }) => stopped(nodes[2]), members: withoutThird },
  { name: "node 3 comes back", play: ({ nodes }) => nodes[2].start(), members: everybody },
  { name: "kill -9 on node 3", play: ({ nodes }) => nodes[2].kill(), members: withoutThird },
  { name: "node 3 restarts", play: ({ nodes }) => nodes[2].start(), members: everybody },
  {
    // Within the time of the token nobody misses it, but for the lists of who has come and gone.
    name: "node 3 is killed and started at once",
    play: async ({ nodes }) => {
      await nodes[2].kill();
      await nodes[2].start();
    },
    members: everybody,
  },
  {
    name: "node 3 is cut off",
    play: (cluster) => cut(cluster, [3], false),
    members: [[1, 2], [1, 2], [3]],
  },
  { name: "the partition heals", play: (cluster) => cut(cluster, [3], true), members: everybody },
  {
    name: "each is cut off",
    play: (cluster) => cut(cluster, ALL, false),
    members: [[1], [2], [3]],
  },
  { name: "all are reunited", play: (cluster) => cut(cluster, ALL, true), members: everybody },
  {
    name: "corosync-cfgtool -R",
    play: async ({ nodes }) => void await nodes[0].run("corosync-cfgtool", "-R"),
    members: everybody,
    isReload: true,
  },
  {
    name: "node 2 stands still",
    play: async ({ nodes }) => {
      await nodes[1].signal("STOP");
      await nodes[0].hasMembers(1, 3);
      await nodes[1].signal("CONT");
    },
    members: everybody,
  },
  {
    name: "corosync-cfgtool -H on node 3",
    play: async ({ nodes }) => {
      await nodes[2].run("corosync-cfgtool", "-H");
      await nodes[2].ended();
    },
    members: withoutThird,
  },
];

/** Waits until every node sees whom it is to see, and has done so for a while. */
export async function settled({ nodes }: Cluster, { name, members }: Act): Promise<void> {
  const logs = async (): Promise<string> =>
    (await Promise.all(nodes.map((node) => node.log()))).join("");
  await eventually(`"${name}" is over`, async () => {
    for (const node of nodes) {
      const seen = members[node.id - 1];
      if (seen.length > 0) await node.hasMembers(...seen);
    }
    const before = await logs();
    await new Promise((resolve) => setTimeout(resolve, STILL_MS));
    return before === await logs();
  }, 60_000);
}
