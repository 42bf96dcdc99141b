/** ffi/ against a real corosync: what the libraries call back with, answer and leave behind. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Cluster, clusterTest, type Node } from "./cluster.ts";

type Log = unknown[][];

const child = fromFileUrl(new URL("./ffi_child.ts", import.meta.url));
const config = fromFileUrl(new URL("../../../deno.json", import.meta.url));

/** Runs the child on the node with these flags of V8's. */
async function runChild(node: Node, v8Flags: string): ReturnType<Node["run"]> {
  const pid = (await Deno.readTextFile(`${node.folder}/pid`)).trim();
  const flags = ["run", "-A", "--no-check", `--config=${config}`, `--v8-flags=${v8Flags}`];
  return await node.run("env", "NO_COLOR=1", Deno.execPath(), ...flags, child, pid);
}

clusterTest("corosync's libraries through ffi/ on a real node", async () => {
  await using cluster = await Cluster.start(1);
  const { success, stdout, stderr } = await runChild(cluster.nodes[0], "--stack-size=4000");
  assertEquals(success, true, stderr);
  const stories: Record<string, Log> = JSON.parse(stdout);
  assertEquals(stories.quorum, [
    ["nodelist", 1, [1], [], []],
    ["quorum", true, 1, [1]],
    ["provider", true, true],
    ["closed", 9],
  ]);
  assertEquals(stories.cmap, [
    [4, "test.value", 7],
    [2, "test.value", 8],
    [1, "test.value", null],
    ["get", "lab", 300, null],
    ["members", "nodelist.node.0.name", "nodelist.node.0.nodeid", "nodelist.node.0.ring0_addr"],
    [11, 'CorosyncError: cmap_set "totem.version": CS_ERR_ACCESS (11)'],
  ]);
  const [first, ...rest] = stories.cfg;
  assertEquals(first.slice(0, 3), ["node", 1, [0]]);
  assertEquals(rest, [...Array(5).fill([true]), ["descriptors more", 0], ["rings", 0]]);
  assertEquals(stories.votequorum[0], ["nodelist", 1, [1]]);
  assertEquals(stories.votequorum[1], ["quorum", true, [{ nodeId: 1, state: 1 }]]);
  assertEquals(stories.cpg.map(String), [
    "1,0,1",
    "ring,1,1",
    "sent,1",
    "1,true,0,0,",
    "sent,1",
    "1,true,64,64,64",
    "sent,1",
    `1,true,3000000,${3_000_000 % 251},${3_000_000 % 251}`,
    "members,1,1,1047552",
  ]);
  assertEquals(stories.death[0], ["dispatch", 2, 2]);
  assertEquals(stories.death[1][1], 2);
});

clusterTest("a callback aborts the process under V8's default stack limit", async () => {
  await using cluster = await Cluster.start(1);
  const { success, stdout } = await runChild(cluster.nodes[0], "--stack-size=984");
  assertEquals([success, stdout], [false, ""]);
});
