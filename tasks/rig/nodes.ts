/** The machines of a run, from their start to what they leave behind. */
import { join } from "@std/path";
import { exists } from "../toolchain.ts";
import type { Boot } from "./boot.ts";
import { ClockedMachine } from "./clock.ts";
import type { Machine } from "./command.ts";
import { Follower, followUntil } from "./follow.ts";
import { cablesOf } from "./network.ts";
import { MachineProcess } from "./process.ts";
import { type Ending, faultsOf, kernelLog, parseResults, type Results } from "./results.ts";
import type { RunFolder } from "./run_folder.ts";

/** What came of one node. */
export interface NodeRun extends Results {
  readonly node: number;
  readonly console: string;
  readonly kernelLog: string;
  /** From the start of QEMU to the first line of results. */
  readonly firstLineSeconds: number | undefined;
  readonly faults: readonly string[];
}

/** The machine of a node of the run. */
export function machineOf(folder: RunFolder, node: number, boot: Boot): Machine {
  const { plan, path } = folder;
  return {
    name: `node${node}`,
    acceleration: boot.acceleration,
    image: boot.image,
    initramfs: boot.initramfs,
    kernelArguments: [`rig.node=${node}`],
    cpus: plan.cpus,
    memoryMiB: plan.memoryMiB,
    console: folder.console(node),
    share: join(path, "share"),
    disks: folder.disksOf(node),
    cables: cablesOf(node, plan.nodes),
  };
}

/**
 * Runs the machines of a folder to their ends, for at most as long as its plan says, or until `signal`. `onLine` gets each line of
 * results.
 */
export async function runNodes(
  folder: RunFolder,
  boot: Boot,
  onLine: (node: number, line: string) => void,
  signal?: AbortSignal,
): Promise<NodeRun[]> {
  const nodes = folder.nodes();
  const began = performance.now();
  const firstLines = new Map<number, number>();
  const processes = nodes.map((node) =>
    new ClockedMachine(
      () => MachineProcess.start(machineOf(folder, node, boot), folder.path),
      () => textOf(folder.console(node)),
    )
  );
  const kill = (): void => processes.forEach((process) => process.kill());
  const timer = setTimeout(kill, folder.plan.limitSeconds * 1000);
  signal?.addEventListener("abort", kill);
  if (signal?.aborted) kill();
  const followers = nodes.map((node) =>
    new Follower(join(folder.ofNode(node), "results.jsonl"), (line) => {
      if (!firstLines.has(node)) firstLines.set(node, (performance.now() - began) / 1000);
      onLine(node, line);
    })
  );
  const endings = Promise.all(
    processes.map(({ ended }, index) => endOf(folder, nodes[index], ended)),
  );
  try {
    await followUntil(followers, endings);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", kill);
    kill();
  }
  const ended = await endings;
  return await Promise.all(
    nodes.map((node, index) => nodeRun(folder, node, ended[index], firstLines.get(node))),
  );
}

/** A node that has not come to its end will not come to where others wait for it. */
async function endOf(folder: RunFolder, node: number, ended: Promise<Ending>): Promise<Ending> {
  const ending = await ended;
  if (!await exists(join(folder.ofNode(node), "ended"))) await folder.markFailed();
  return ending;
}

async function nodeRun(
  folder: RunFolder,
  node: number,
  ending: Ending,
  firstLineSeconds: number | undefined,
): Promise<NodeRun> {
  const results = parseResults(await textOf(join(folder.ofNode(node), "results.jsonl")));
  const console = await textOf(folder.console(node));
  return {
    ...results,
    node,
    console,
    kernelLog: kernelLog(await textOf(join(folder.ofNode(node), "kmsg"))),
    firstLineSeconds,
    faults: faultsOf(results, ending, console),
  };
}

async function textOf(path: string): Promise<string> {
  return await exists(path) ? await Deno.readTextFile(path) : "";
}
