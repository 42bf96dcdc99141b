/** The gate of quorum on real corosync daemons: what a part of a parted cluster is told. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Cluster, clusterTest, type Node } from "../corosync/cluster.ts";
import { eventually } from "../corosync/eventually.ts";

const child = fromFileUrl(new URL("./gate_child.ts", import.meta.url));
const config = fromFileUrl(new URL("../../../deno.json", import.meta.url));
const LOST_NODE = 3;

class Witness {
  readonly #file: string;

  constructor(readonly node: Node) {
    this.#file = `${node.folder}/told`;
    const flags = ["run", "-A", "--no-check", `--config=${config}`, "--v8-flags=--stack-size=4000"];
    node.spawn([Deno.execPath(), ...flags, child, this.#file]);
  }

  /** Changes of membership, and losses; words are left out. */
  async told(): Promise<string[]> {
    try {
      const lines = (await Deno.readTextFile(this.#file)).trimEnd().split("\n");
      return lines.filter((line) => !line.startsWith("message"));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async hasTold(text: string): Promise<void> {
    await eventually(
      `node ${this.node.id} is told "${text}"`,
      async () => (await this.told()).some((line) => line.includes(text)),
    );
  }
}

clusterTest(
  "a part without quorum is lost to its members, before they hear who else is, and comes back",
  async () => {
    await using cluster = await Cluster.start(3);
    const [first, , last] = cluster.nodes;
    const majority = new Witness(first);
    await majority.hasTold("members 1 ");
    const minority = new Witness(last);
    await minority.hasTold("members 1,3 ");
    await cluster.connect(last, false);
    await minority.hasTold("lost");
    await majority.hasTold(`left 3:${LOST_NODE}`);
    assertEquals((await minority.told()).slice(1), ["lost"]);
    assertEquals((await majority.told()).filter((line) => line === "lost"), []);
    await cluster.connect(last, true);
    await eventually(
      "the group is whole again",
      async () => (await minority.told()).at(-1)?.startsWith("members 1,3 ") === true,
    );
  },
);
