/**
 * `deno task bench [--rounds N] [--pairs N] [--long]`: our virtlockd beside the C one, in one run.
 *
 * Rounds alternate between the two, so that a machine which slows down slows both; a figure is the median of its rounds, and what
 * counts is the ratio. `--long` adds the memory held after a million pairs. Needs root (a mount namespace), cc and libvirt's
 * daemon.
 */
import { parseArgs } from "node:util";
import { Lab, WORK_DIRECTORY } from "../tests/native/virtlockd/lab.ts";
import { C_DAEMON, LOCK_SOCKET, ownDaemon } from "../tests/native/virtlockd/lab_daemon.ts";
import { type Comparison, median, table } from "./bench/report.ts";
import { compileLoads, type Loads } from "./bench/loads.ts";
import { ensurePackages } from "./setup.ts";
import { buildAll } from "./build.ts";

const LOCKSPACE = `${WORK_DIRECTORY}/bench`;
const WIDTHS = [1, 10, 100];
const LOCK_COUNTS = [0, 1000];

interface Load {
  readonly pairsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Figures by name, one value a round. */
type Figures = Map<string, number[]>;

function note(figures: Figures, name: string, value: number): void {
  figures.set(name, [...figures.get(name) ?? [], value]);
}

async function residentMb(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function throughput(
  lab: Lab,
  loads: Loads,
  binary: string,
  pairs: number,
  figures: Figures,
): Promise<void> {
  const daemon = await lab.start(binary);
  await new Promise((resolve) => setTimeout(resolve, 300));
  note(figures, "RSS idle, MB", await residentMb(daemon.pid));
  for (const width of WIDTHS) {
    const output = await lab.run(loads.load, LOCK_SOCKET, LOCKSPACE, String(width), String(pairs));
    const { pairsPerSecond, p50Us, p99Us } = JSON.parse(output) as Load;
    note(figures, `pairs/s, ${width} clients`, pairsPerSecond);
    note(figures, `p50 of a pair, ${width} clients, µs`, p50Us);
    note(figures, `p99 of a pair, ${width} clients, µs`, p99Us);
  }
  for (const count of LOCK_COUNTS) {
    const took = await lab.run(
      loads.times,
      "reexec",
      LOCK_SOCKET,
      String(daemon.pid),
      LOCKSPACE,
      String(count),
    );
    note(figures, `re-exec with ${count} locks, ms`, Number(took));
  }
  await daemon.terminate();
}

async function startTime(lab: Lab, loads: Loads, binary: string, figures: Figures): Promise<void> {
  note(
    figures,
    "start to first answer, ms",
    Number(await lab.run(loads.times, "start", LOCK_SOCKET, binary)),
  );
}

async function longRun(lab: Lab, loads: Loads, binary: string, figures: Figures): Promise<void> {
  const daemon = await lab.start(binary);
  await lab.run(loads.load, LOCK_SOCKET, LOCKSPACE, "10", "1000000");
  note(figures, "RSS after 1e6 pairs, MB", await residentMb(daemon.pid));
  await daemon.terminate();
}

/** Higher is better for rates, lower for times and sizes. */
function compare(ours: Figures, theirs: Figures): Comparison[] {
  return [...ours].map(([name, values]) => ({
    name,
    ours: median(values),
    theirs: median(theirs.get(name) ?? []),
    higherIsBetter: name.startsWith("pairs/s"),
  }));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "5" },
      pairs: { type: "string", default: "20000" },
      long: { type: "boolean", default: false },
    },
  });
  if (
    !await ensurePackages("bench", ["gcc", "libc6-dev", "libvirt-daemon-system", "libvirt-daemon"])
  ) Deno.exit(1);
  await buildAll(["virtlockd"]);
  await using lab = await Lab.open();
  const loads = await compileLoads();
  const ours: Figures = new Map();
  const theirs: Figures = new Map();
  const daemons: readonly [string, Figures][] = [[C_DAEMON, theirs], [ownDaemon(), ours]];
  for (let round = 1; round <= Number(values.rounds); round++) {
    console.error(`round ${round} of ${values.rounds}`);
    for (const [binary, figures] of daemons) {
      await throughput(lab, loads, binary, Number(values.pairs), figures);
    }
    for (let i = 0; i < 3; i++) {
      for (const [binary, figures] of daemons) await startTime(lab, loads, binary, figures);
    }
  }
  if (values.long) {
    for (const [binary, figures] of daemons) await longRun(lab, loads, binary, figures);
  }
  console.log(table("virtlockd", compare(ours, theirs)));
}

await main();
