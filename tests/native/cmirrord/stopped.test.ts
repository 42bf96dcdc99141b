/** A corosync that is stopped, as by SIGSTOP or a host that starves it, must not stop the daemon with it. */
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Cluster, clusterTest, type Node } from "../corosync/cluster.ts";
import { eventually } from "../corosync/eventually.ts";

const child = fromFileUrl(new URL("./stopped_child.ts", import.meta.url));
const config = fromFileUrl(new URL("../../../deno.json", import.meta.url));
const TURNS = 100;

interface Told {
  readonly turns: number;
  readonly sent: number;
  readonly refused: number;
  readonly delivered: number;
  readonly disorder: number;
}

/** What a child has written down last. */
async function read(file: string): Promise<Told> {
  try {
    return JSON.parse(await Deno.readTextFile(file));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return { turns: 0, sent: 0, refused: 0, delivered: 0, disorder: 0 };
  }
}

function begin(node: Node, file: string): () => Promise<Told> {
  const flags = ["run", "-A", "--no-check", `--config=${config}`, "--v8-flags=--stack-size=4000"];
  node.spawn([Deno.execPath(), ...flags, child, file]);
  return () => read(file);
}

/** Waits until so many more turns were made. */
async function goesOn(told: () => Promise<Told>, what: string): Promise<void> {
  const { turns } = await told();
  await eventually(what, async () => (await told()).turns > turns + TURNS);
}

clusterTest(
  "a daemon goes on while corosync is stopped: what it sends waits, what it joins waits, and nothing is lost",
  async () => {
    await using cluster = await Cluster.start(1);
    const [node] = cluster.nodes;
    const member = begin(node, `${node.folder}/member`);
    await eventually("it sends", async () => (await member()).delivered > 0);
    await node.signal("STOP");
    await eventually("corosync takes no more", async () => (await member()).refused > 0);
    await goesOn(member, "a member goes on while corosync is stopped");
    const joiner = begin(node, `${node.folder}/joiner`);
    await goesOn(joiner, "who wants to join goes on while corosync is stopped");
    assertEquals((await joiner()).sent, 0);
    const { sent } = await member();
    await node.signal("CONT");
    await eventually("all is delivered", async () => (await member()).delivered > sent);
    await eventually("the other one joins", async () => (await joiner()).delivered > 0);
    assertEquals((await member()).disorder, 0);
    assert((await member()).sent > sent);
  },
);
