/** The compiled cmannotifyd on a node of a cluster of real corosync daemons, and scripts that write down what they are told. */
import { dirname, join } from "@std/path";
import { build } from "../../../tasks/build.ts";
import { eventually } from "../corosync/eventually.ts";
import {
  Cluster,
  clusterTest,
  missingForCluster,
  type Node,
  type Output,
} from "../corosync/cluster.ts";
import { compiled } from "../virtlockd/c_program.ts";

const here = new URL("./", import.meta.url);
const SCRIPTS = "etc/cluster/cman-notify.d";
const PATIENCE_MS = 60_000;

/** One line of the recording script. */
export interface Told {
  /** When the script's first instruction ran, in seconds since the epoch. */
  readonly at: number;
  /** When the daemon was told, to the millisecond; 0 without extra_variables. */
  readonly receivedAt: number;
  /** `CONFIG_UPDATE`, `TRY_SHUTDOWN` or `STATECHANGE 1`. */
  readonly what: string;
  /** Ids that were told as members, joined and left, `1 2 -3`; empty without extra_variables. */
  readonly lists: string;
  /** Told because corosync was reached. Only with extra_variables. */
  readonly initial: boolean;
  /** 0 without extra_variables. */
  readonly sequence: number;
}

export interface NotifierOptions {
  readonly config?: string;
  readonly args?: readonly string[];
  /** In place of `cmannotifyd ARGS`: a shell's command in which `$@` stands for that. */
  readonly shell?: string;
}

/** Why a test that needs programs cannot be done on this machine, if so. */
export async function lacks(...programs: string[]): Promise<string | undefined> {
  for (const program of programs) {
    if (await refuses(`command -v ${program}`) !== undefined) return `${program} is not installed`;
  }
  return undefined;
}

const withoutCompiler = await lacks("cc");

/** One node for all tests of a file that leave its corosync alone. */
let shared: Cluster | undefined;

/** A test with the daemon's place on a cluster of one, where corosync runs and has to stay. `unless`: why it cannot be done here. */
export function notifierTest(
  name: string,
  body: (notifier: Notifier) => Promise<void>,
  unless?: string,
): void {
  clusterTest(name, async () => {
    if (shared === undefined) throw new Error("no sharedNode() in this file");
    await using notifier = new Notifier(shared.nodes[0]);
    await body(notifier);
  }, unless ?? withoutCompiler);
}

/** To be called by a file that has notifierTest(). */
export function sharedNode(): void {
  Deno.test.beforeAll(async () => {
    if (await missingForCluster() === undefined) shared = await Cluster.start(1);
  });
  Deno.test.afterAll(async () => await shared?.[Symbol.asyncDispose]());
}

/** The same, with a node of its own. */
export function ownNodeTest(name: string, body: (notifier: Notifier) => Promise<void>): void {
  clusterTest(name, async () => {
    await using cluster = await Cluster.start(1);
    await body(new Notifier(cluster.nodes[0]));
  }, withoutCompiler);
}

/** Why a test that has to do this cannot be done on this machine, if so. */
export async function refuses(command: string): Promise<string | undefined> {
  const done = new Deno.Command("sh", { args: ["-c", command], stdout: "null", stderr: "null" });
  return (await done.output()).success ? undefined : `this machine refuses "${command}"`;
}

/** Lists of ids, separated by blanks, as one text: `1 2 3 +3` or `1 2 -3`. */
export function listsText(members: string, joined: string, left: string): string {
  const marked = (mark: string, ids: string): string => ids === "" ? "" : ` ${mark}${ids}`;
  return `${members}${marked("+", joined)}${marked("-", left)}`;
}

function parse(line: string): Told {
  const [at, what, members, joined, left, initial, sequence, receivedAt] = line.split("|");
  const lists = listsText(members, joined, left);
  return {
    at: Number(at),
    receivedAt: Number(receivedAt),
    what: what.trim(),
    lists,
    initial: initial === "1",
    sequence: Number(sequence),
  };
}

let built: Promise<string> | undefined;

/** The path of the executable, built where it is not up to date. */
export function binary(): Promise<string> {
  return built ??= build("cmannotifyd");
}

export class Notifier {
  #process: Deno.ChildProcess | undefined;
  #stderr: Promise<string> | undefined;

  constructor(readonly node: Node) {}

  /** A file of the node, such as `run/told`. */
  path(name: string): string {
    return join(this.node.folder, name);
  }

  /** Writes a file of the node; a script's name stands for itself. */
  async write(name: string, text: string, mode = 0o644): Promise<void> {
    const path = this.path(name);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, text);
    await Deno.chmod(path, mode);
  }

  async script(name: string, text: string, mode = 0o755): Promise<void> {
    await this.write(`${SCRIPTS}/${name}`, text, mode);
  }

  /** A script that writes down all that it is told: record.c. */
  async record(name = "10-record"): Promise<void> {
    await this.script(name, "");
    await Deno.copyFile(await compiled("record", here), this.path(`${SCRIPTS}/${name}`));
  }

  /** Starts the daemon in the foreground, and waits until it serves. */
  async start(
    { config = "", args = [], shell = 'exec "$@"' }: NotifierOptions = {},
  ): Promise<void> {
    await this.write("etc/cluster/cmannotifyd.conf", config);
    const program = [await binary(), "-f", ...args];
    const command = ["sh", "-c", shell, "sh", ...program];
    this.#process = this.node.spawn(command, { stderr: "piped" });
    this.#stderr = new Response(this.#process.stderr).text();
    const serves = async (): Promise<boolean> => await this.control("status") !== undefined;
    await eventually("cmannotifyd serves", serves, PATIENCE_MS);
  }

  /** Runs the program on the node, such as with `status --json`. */
  async ask(...args: string[]): Promise<Output> {
    return await this.node.run(await binary(), ...args);
  }

  /** The daemon's pid, as the cluster's processes know it. */
  async pid(): Promise<number> {
    return Number(await Deno.readTextFile(this.path("run/cmannotifyd.pid")));
  }

  /** A file below /proc of the daemon's, or of its runner's. */
  async proc(file: string, who: "daemon" | "runner" = "daemon"): Promise<string> {
    const pid = who === "daemon" ? await this.pid() : await this.runnerPid();
    return (await this.node.run("cat", `/proc/${pid}/${file}`)).stdout;
  }

  async runnerPid(): Promise<number> {
    const pid = await this.pid();
    const found = await this.node.run("cat", `/proc/${pid}/task/${pid}/children`);
    return Number(found.stdout.trim());
  }

  /** What the control socket answers to a request, behind its first line; undefined where nobody listens. */
  async control(request: string): Promise<string | undefined> {
    try {
      using connection = await Deno.connect({
        transport: "unix",
        path: this.path("run/cmannotifyd.control"),
      });
      await connection.write(new TextEncoder().encode(`${request}\n`));
      await connection.closeWrite();
      const answer = await new Response(connection.readable).text();
      return answer.replace(/^.*\n/, "");
    } catch (error) {
      const nobody = [Deno.errors.NotFound, Deno.errors.ConnectionRefused];
      if (nobody.some((kind) => error instanceof kind)) return undefined;
      throw error;
    }
  }

  /** Memory in use, in MB of 10^6 bytes. */
  async residentMegabytes(who: "daemon" | "runner"): Promise<number> {
    const kilobytes = /^VmRSS:\s*(\d+)/m.exec(await this.proc("status", who))?.[1];
    return Number(kilobytes) * 1024 / 1e6;
  }

  async signal(name: string): Promise<void> {
    await this.node.run("kill", `-${name}`, String(await this.pid()));
  }

  /** Waits until the daemon has ended; its exit code. */
  async ended(): Promise<number> {
    const status = await this.#process?.status;
    return status?.code ?? -1;
  }

  /** Ends it; its exit code. */
  async stop(): Promise<number> {
    await this.signal("TERM");
    return await this.ended();
  }

  /** Leaves the node to the next test as it was. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The node has process numbers of its own: these are all ours.
    const { stdout } = await this.node.run("ps", "-eo", "pid=,args=");
    const pids = [...stdout.matchAll(/^ *(\d+) .*cmannotifyd/gm)].map(([, pid]) => pid);
    if (pids.length > 0) await this.node.run("kill", "-KILL", ...pids);
    await this.ended();
    await this.#stderr;
    const runs = await Array.fromAsync(Deno.readDir(this.path("run")));
    const ours = runs.map(({ name }) => name).filter((name) => !name.startsWith("corosync"));
    for (const name of [...ours.map((one) => `run/${one}`), "etc/cluster", "log/cluster"]) {
      await Deno.remove(this.path(name), { recursive: true }).catch(() => {});
    }
  }

  /** All that it said on standard error, once it has ended. */
  async stderr(): Promise<string> {
    return await this.#stderr ?? "";
  }

  /** The daemon's own log file. */
  async log(): Promise<string> {
    return await this.text("log/cluster/cmannotifyd.log");
  }

  /** A file of the node; "" where there is none. */
  async text(name: string): Promise<string> {
    try {
      return await Deno.readTextFile(this.path(name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  /** All that the recording script was told so far. */
  async told(): Promise<Told[]> {
    const lines = (await this.text("run/told")).split("\n");
    return lines.slice(0, -1).map(parse);
  }

  /** The same as texts: `STATECHANGE 1 1 2 -3`. */
  async toldTexts(): Promise<string[]> {
    return (await this.told()).map(({ what, lists }) => `${what} ${lists}`.trim());
  }

  /** Waits until so many notifications were told, and no script runs or waits. */
  async hasTold(count: number): Promise<void> {
    const what = `node ${this.node.id} has told ${count} notifications`;
    await eventually(what, async () => (await this.told()).length >= count, PATIENCE_MS);
    await this.isQuiet();
  }

  /** Waits until no script runs or waits. */
  async isQuiet(): Promise<void> {
    await eventually("no notification waits", async () => {
      const status = await this.control("status");
      if (status === undefined) return false;
      const { queue, notifications } = JSON.parse(status);
      return queue.length === 0 && (notifications.at(-1)?.done ?? true);
    }, PATIENCE_MS);
  }
}
