/**
 * Our dmfilemapd beside the original, in one guest of the rig, each on a device of its own. Where the original cannot be built, ours
 * stands beside figures of it that were measured in such a guest once.
 *
 * A guest is slow without KVM: times there are ratios. So ours is also measured natively, with a simulated device-mapper.
 */
import { buildAll } from "../build.ts";
import { obstacle, rigPackages } from "../rig/requirements.ts";
import { parseLine } from "../rig/results.ts";
import { runScenario } from "../rig/run.ts";
import { ensurePackages } from "../setup.ts";
import { root } from "../toolchain.ts";
import { compileLoads, type Loads } from "./loads.ts";
import { FROM_SYNC, FROM_SYNC_LIMIT_MS, nativeUpdates } from "./native_updates.ts";
import type { BenchOptions } from "./options.ts";
import { originalDmfilemapd } from "./originals.ts";
import { compare, type Figures, median, note, table } from "./report.ts";

const SCENARIO = `${root}/tasks/bench/dmfilemapd.sh`;
/** Seven minutes where it was measured; a bound for machines that are slower. */
const SECONDS_PER_ROUND = 1800;

/** Medians of the C daemon of lvm2 2.03.16 in a guest under TCG with two processors, for a machine on which it cannot be built. */
function onceMeasured(idleSeconds: number): Readonly<Record<string, number>> {
  return {
    [`idle: wake-ups in ${idleSeconds} s`]: 2.07 * idleSeconds,
    [`idle: CPU in ${idleSeconds} s, ms`]: 140 * idleSeconds / 30,
    "1 MiB appended, write to map, ms": 308,
    "one more extent in a file of 10, ms": 165,
    "one more extent in a file of 100, ms": 211,
    "one more extent in a file of 1000, ms": 277,
    "one more extent in a file of 5000, ms": 811,
    "memory resident, 1 extent, MB": 1.3,
    "memory resident, 5000 extents, MB": 4.8,
  };
}

/** Measures, and prints the tables; whether it could, and what is promised of a median holds. */
export async function benchDmfilemapd(options: BenchOptions): Promise<boolean> {
  const packages = [...rigPackages, "gcc", "libc6-dev", "linux-libc-dev"];
  if (!await ensurePackages("bench", packages)) return false;
  const loads = await compileLoads();
  const isSoon = await benchNatively(loads);
  return await benchInGuest(loads, options) && isSoon;
}

async function benchNatively({ map, folder }: Loads): Promise<boolean> {
  const figures = await nativeUpdates(map, folder);
  console.log(table("dmfilemapd: medians, natively", compare(figures, new Map())));
  const isSoon = median(figures.get(FROM_SYNC) ?? []) <= FROM_SYNC_LIMIT_MS;
  if (!isSoon) console.error(`${FROM_SYNC}: over ${FROM_SYNC_LIMIT_MS}`);
  return isSoon;
}

async function benchInGuest(loads: Loads, options: BenchOptions): Promise<boolean> {
  const why = await obstacle();
  if (why !== undefined) {
    console.error(`No guest for dmfilemapd: ${why}`);
    return false;
  }
  await buildAll(["dmfilemapd"]);
  const { path = "-", reason } = await originalDmfilemapd();
  const [ours, theirs] = await measure(loads, path, options);
  if (reason !== undefined) {
    console.error(`The original dmfilemapd cannot be built: ${reason}`);
    const figures = Object.entries(onceMeasured(options.idleSeconds));
    for (const [name, value] of figures) note(theirs, name, value);
  }
  const where = reason === undefined ? "in one guest" : "the C daemon's of another guest";
  console.log(table(`dmfilemapd: medians, ${where}`, compare(ours, theirs)));
  return true;
}

/** Runs the scenario on a copy of ours, since a build may replace what lies in dist/. Throws when it fails. */
async function measure(
  { folder, map }: Loads,
  original: string,
  { rounds, idleSeconds }: BenchOptions,
): Promise<[ours: Figures, theirs: Figures]> {
  const binary = `${folder}/dmfilemapd`;
  await Deno.copyFile(`${root}/dist/dmfilemapd`, binary);
  await using run = await runScenario(SCENARIO, {
    args: [map, binary, original, String(rounds), String(idleSeconds)],
    limitSeconds: 120 + idleSeconds + rounds * SECONDS_PER_ROUND,
    onLine: (_, line) => tell(line),
  });
  if (!run.ok) {
    const failed = run.checks.filter(({ ok }) => !ok);
    const reasons = failed.map(({ name, detail }) => `${name}: ${detail}`);
    throw new Error([...reasons, ...run.faults].join("; "));
  }
  const sides: [Figures, Figures] = [new Map(), new Map()];
  for (const { figure, value } of run.nodes[0].figures) {
    const [whose, name] = figure.split(/\/(.*)/);
    note(sides[whose === "ours" ? 0 : 1], name, value);
  }
  return sides;
}

function tell(text: string): void {
  const line = parseLine(text);
  if (line.kind === "note") console.error(line.text);
}
