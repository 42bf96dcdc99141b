/**
 * Our virtlockd beside the C one, in one run. Needs root (a mount namespace), cc and libvirt's daemon. `long` adds the memory held
 * after a million pairs.
 */
import { Lab, WORK_DIRECTORY } from "../../tests/native/virtlockd/lab.ts";
import { C_DAEMON, LOCK_SOCKET, ownDaemon } from "../../tests/native/virtlockd/lab_daemon.ts";
import { buildAll } from "../build.ts";
import { ensurePackages } from "../setup.ts";
import { compileLoads, type Loads } from "./loads.ts";
import type { BenchOptions } from "./options.ts";
import { compare, type Figures, note, table } from "./report.ts";

const LOCKSPACE = `${WORK_DIRECTORY}/bench`;
const WIDTHS = [1, 10, 100];
const LOCK_COUNTS = [0, 1000];

interface Load {
  readonly pairsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
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

/** Measures, and prints the table; whether it could. */
export async function benchVirtlockd({ rounds, pairs, long }: BenchOptions): Promise<boolean> {
  const packages = ["gcc", "libc6-dev", "libvirt-daemon-system", "libvirt-daemon"];
  if (!await ensurePackages("bench", packages)) return false;
  await buildAll(["virtlockd"]);
  await using lab = await Lab.open();
  const loads = await compileLoads();
  const ours: Figures = new Map();
  const theirs: Figures = new Map();
  const daemons: readonly [string, Figures][] = [[C_DAEMON, theirs], [ownDaemon(), ours]];
  for (let round = 1; round <= rounds; round++) {
    console.error(`round ${round} of ${rounds}`);
    for (const [binary, figures] of daemons) {
      await throughput(lab, loads, binary, pairs, figures);
    }
    for (let i = 0; i < 3; i++) {
      for (const [binary, figures] of daemons) await startTime(lab, loads, binary, figures);
    }
  }
  if (long) {
    for (const [binary, figures] of daemons) await longRun(lab, loads, binary, figures);
  }
  const isRate = (name: string): boolean => name.startsWith("pairs/s");
  console.log(table("virtlockd: median of rounds", compare(ours, theirs, isRate)));
  return true;
}
