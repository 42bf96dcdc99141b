/**
 * Clusters of real corosync daemons for tests: each node in a network namespace of its own, with its own /run, /etc and /var/log.
 *
 * Everything runs in one process-id namespace whose first process reads our end of a pipe: nothing survives the test, however it ends.
 */
import { dirname, fromFileUrl, join } from "@std/path";
import { eventually } from "./eventually.ts";

const here = dirname(fromFileUrl(import.meta.url));

export interface Output {
  readonly success: boolean;
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ClusterOptions {
  /** Without a provider, quorum is never reported and every part of the cluster is quorate. */
  readonly provider?: boolean;
}

/** What a cluster needs that may be missing; undefined when all is there. */
export async function missingForCluster(): Promise<string | undefined> {
  if (Deno.uid() !== 0) return "needs root for namespaces";
  for (const program of ["corosync", "corosync-cfgtool", "ip", "unshare", "nsenter"]) {
    const found = await new Deno.Command("sh", { args: ["-c", `command -v ${program}`] }).output();
    if (!found.success) return `${program} is not installed`;
  }
  return undefined;
}

/** A test that is skipped, saying so, where no cluster can be made or something else is in the way. */
export function clusterTest(name: string, body: () => Promise<void>, unless = missing): void {
  const reason = missing ?? unless;
  if (reason !== undefined) console.log(`SKIPPED ${name}: ${reason}`);
  Deno.test({ name, ignore: reason !== undefined, fn: body });
}
const missing = await missingForCluster();

function corosyncConf(folder: string, nodes: number, node: number, provider: boolean): string {
  const members = Array.from(
    { length: nodes },
    (_, i) =>
      `  node {\n    ring0_addr: 10.9.9.${i + 1}\n    nodeid: ${i + 1}\n    name: n${i + 1}\n  }\n`,
  );
  return [
    "totem {\n  version: 2\n  cluster_name: lab\n  transport: udpu",
    // Loss of a node is noticed in 0.7 s instead of 3.4.
    "  token: 300\n  token_coefficient: 0\n}\n",
    provider ? "quorum {\n  provider: corosync_votequorum\n}\n" : "",
    "logging {\n  to_stderr: no\n  to_syslog: no\n  to_logfile: yes\n  timestamp: hires",
    `  logfile: ${folder}/${node}/corosync.log\n}\n`,
    `nodelist {\n${members.join("")}}\n`,
  ].join("\n");
}

/** Members as clients are told of them; without a provider, as the nodes have agreed upon them. */
const REPORTED = /\[QUORUM\] Members\[\d+\]: ?([\d ]*)/g;
const AGREED =
  /\[QUORUM\] Sync members\[\d+\]: ?([\d ]*)\n(?:(?!.*Sync members).*\n)*?.*Completed service sync/g;

export class Node {
  #corosync: Deno.ChildProcess | undefined;

  constructor(private readonly cluster: Cluster, readonly id: number) {}

  /** The node's own folder, as the test sees it: `run`, `etc`, `log` are the node's /run, /etc, /var/log. */
  get folder(): string {
    return join(this.cluster.folder, String(this.id));
  }

  get configFile(): string {
    return join(this.folder, "corosync.conf");
  }

  /** Begins a command on the node; it ends with the cluster at the latest. */
  spawn(command: readonly string[], options: Deno.CommandOptions = {}): Deno.ChildProcess {
    const args = ["netns", "exec", `n${this.id}`, join(here, "on_node.sh")];
    return this.cluster.enter(
      ["ip", ...args, this.cluster.folder, String(this.id), ...command],
      options,
    );
  }

  async run(...command: string[]): Promise<Output> {
    return await outputOf(this.spawn(command, { stdout: "piped", stderr: "piped" }));
  }

  /** Starts corosync and waits until it answers. */
  async start(): Promise<void> {
    const write = 'echo $$ > "$0"; exec corosync -f -c "$1"';
    this.#corosync = this.spawn(["sh", "-c", write, join(this.folder, "pid"), this.configFile]);
    await eventually(
      "corosync answers",
      async () => (await this.run("corosync-cfgtool", "-s")).success,
    );
  }

  /** Sends a signal to corosync. */
  async signal(name: string): Promise<void> {
    const pid = (await Deno.readTextFile(join(this.folder, "pid"))).trim();
    const sent = await this.cluster.run("kill", `-${name}`, pid);
    if (!sent.success) throw new Error(sent.stderr);
    // nsenter stops with the process that it waits for.
    if (name === "CONT") this.#corosync?.kill("SIGCONT");
  }

  /** Waits until corosync is gone. */
  async ended(): Promise<void> {
    const pid = (await Deno.readTextFile(join(this.folder, "pid"))).trim();
    await eventually(
      "corosync is gone",
      async () => !(await this.cluster.run("kill", "-0", pid)).success,
    );
  }

  async kill(): Promise<void> {
    await this.signal("KILL");
    await this.ended();
  }

  /** What corosync has logged. */
  async log(): Promise<string> {
    try {
      return await Deno.readTextFile(join(this.folder, "corosync.log"));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** Waits until the members are these, and corosync has told its clients. */
  async hasMembers(...ids: number[]): Promise<void> {
    await eventually(`node ${this.id} sees ${ids.join(" ")}`, async () => {
      const log = await this.log();
      const lists = [...log.matchAll(this.cluster.provider ? REPORTED : AGREED)];
      return lists.at(-1)?.[1].trim() === ids.join(" ");
    });
  }
}

async function outputOf(child: Deno.ChildProcess): Promise<Output> {
  const { success, code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  return { success, code, stdout: text(stdout), stderr: text(stderr) };
}

export class Cluster {
  readonly nodes: readonly Node[];
  readonly #running = new Set<Deno.ChildProcess>();

  private constructor(
    readonly folder: string,
    count: number,
    private readonly lab: Deno.ChildProcess,
    private readonly leader: number,
    /** Whether there is a quorum provider. */
    readonly provider: boolean,
  ) {
    this.nodes = Array.from({ length: count }, (_, i) => new Node(this, i + 1));
  }

  /** Makes the networks and the configurations; corosync is not started. */
  static async make(count: number, { provider = true }: ClusterOptions = {}): Promise<Cluster> {
    const folder = await Deno.makeTempDir({ prefix: "hostkeep-cluster-" });
    const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--net"];
    const lab = new Deno.Command("unshare", {
      args: [...namespaces, join(here, "lab.sh"), folder, String(count)],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const cluster = new Cluster(folder, count, lab, await leaderOf(lab), provider);
    for (const node of cluster.nodes) {
      const conf = corosyncConf(folder, count, node.id, provider);
      await Deno.writeTextFile(node.configFile, conf);
    }
    return cluster;
  }

  /** A cluster whose nodes all see each other. */
  static async start(count: number, options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.make(count, options);
    try {
      await cluster.form();
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
    return cluster;
  }

  /** Starts corosync on all nodes, and waits until they all see each other. */
  async form(): Promise<void> {
    try {
      await Promise.all(this.nodes.map((node) => node.start()));
      const all = this.nodes.map(({ id }) => id);
      for (const node of this.nodes) await node.hasMembers(...all);
    } catch (error) {
      const logs = await Promise.all(this.nodes.map((node) => node.log()));
      throw new Error(`no cluster:\n${logs.join("\n")}`, { cause: error });
    }
  }

  /** Begins a command among the lab's processes and mounts, on no node. */
  enter(command: readonly string[], options: Deno.CommandOptions = {}): Deno.ChildProcess {
    const args = ["-t", String(this.leader), "--mount", "--pid", "--net", "--", ...command];
    const quiet = { stdin: "null", stdout: "null", stderr: "null" } as const;
    const child = new Deno.Command("nsenter", { args, ...quiet, ...options }).spawn();
    this.#running.add(child);
    child.status.then(() => this.#running.delete(child));
    return child;
  }

  async run(...command: string[]): Promise<Output> {
    return await outputOf(this.enter(command, { stdout: "piped", stderr: "piped" }));
  }

  /** Pulls a node's cable, or puts it back. */
  async connect(node: Node, on: boolean): Promise<void> {
    const done = await this.run("ip", "link", "set", `v${node.id}`, on ? "up" : "down");
    if (!done.success) throw new Error(done.stderr);
  }

  /** Ends everything in the lab, and then those who watch over it from outside. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.stdin.close();
    const ends = [...this.#running].map((child) => {
      child.kill("SIGKILL");
      return child.status;
    });
    await Promise.all(ends);
    await this.lab.stdout.cancel();
    await this.lab.status;
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Waits until the lab is ready; the process that leads it, as this machine numbers it. */
async function leaderOf(lab: Deno.ChildProcess): Promise<number> {
  const reader = lab.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  if (new TextDecoder().decode(value) !== "ready\n") throw new Error("the lab did not start");
  const children = await Deno.readTextFile(`/proc/${lab.pid}/task/${lab.pid}/children`);
  return Number(children.trim());
}
