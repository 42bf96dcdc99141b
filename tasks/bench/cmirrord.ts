/**
 * Our cmirrord beside the original, in one guest of the rig, on a node that is alone in its cluster; the kernel's own logs show what is
 * possible. A guest is slow without KVM, and differs from boot to boot: counts come first, rates are ratios within one boot.
 */
import { buildAll } from "../build.ts";
import { obstacle, rigPackages } from "../rig/requirements.ts";
import { parseLine } from "../rig/results.ts";
import { runScenario } from "../rig/run.ts";
import { ensurePackages } from "../setup.ts";
import { root } from "../toolchain.ts";
import type { BenchOptions } from "./options.ts";
import { originalCmirrord } from "./originals.ts";
import { compare, type Comparison, type Figures, median, note, table } from "./report.ts";

const SCENARIO = `${root}/tasks/bench/cmirrord_rounds.ts`;
/** Three minutes where it was measured; a bound for machines that are slower. */
const SECONDS_PER_ROUND = 600;

/** What the C daemon of lvm2 2.03.16 was seen to need with a log in memory, for a machine on which it cannot be built. */
const ONCE_COUNTED: Readonly<Record<string, number>> = {
  "1 job: requests per write": 6,
  "1 job: multicasts per write": 7,
  "4 jobs: requests per write": 4,
  "4 jobs: multicasts per write": 3.5,
  "resync: requests per region": 6,
  "resync: multicasts per region": 7,
};

/** apart: ours with the table line of the original, without integrated_flush. */
type Sides = Readonly<Record<"ours" | "apart" | "original" | "kernel", Figures>>;

/** Measures, and prints the tables; whether it could, and what is promised of counts and rates holds. */
export async function benchCmirrord({ rounds }: BenchOptions): Promise<boolean> {
  if (!await ensurePackages("bench", [...rigPackages, "corosync", "fio"])) return false;
  const why = await obstacle();
  if (why !== undefined) {
    console.error(`No guest for cmirrord: ${why}`);
    return false;
  }
  await buildAll(["cmirrord"]);
  const { path = "-", reason } = await originalCmirrord();
  const sides = await measure(path, rounds);
  if (reason !== undefined) {
    console.error(`The original cmirrord cannot be built: ${reason}`);
    for (const [name, value] of Object.entries(ONCE_COUNTED)) note(sides.original, name, value);
  }
  const where = reason === undefined ? "in one guest" : "the C daemon's as once counted";
  console.log(
    table(`cmirrord: medians, ${where}`, countsFirst(compare(sides.ours, sides.original, isRate))),
  );
  const apart = compare(sides.apart, sides.original, isRate);
  console.log(table("cmirrord with the original's table line", countsFirst(apart)));
  console.log(table("in % of the kernel's own log", compare(...shares(sides), isRate)));
  const { ours, apart: same, original } = sides;
  return [ours, same].map((figures) => holds(figures, original, reason === undefined)).every(
    Boolean,
  );
}

/** Counts first, which no machine changes; then rates, then delays. */
const ORDER = [/ per /, /IOPS|\/s$/];

function countsFirst(rows: readonly Comparison[]): Comparison[] {
  const rank = ({ name }: Comparison): number => ORDER.findIndex((kind) => kind.test(name)) >>> 0;
  return rows.toSorted((a, b) => rank(a) - rank(b));
}

const isRate = (name: string): boolean => /IOPS|\/s$/.test(name);
const isMulticasts = (name: string): boolean => name.includes("multicasts");

/** The rates of both daemons, each divided by the kernel's of the same round. */
function shares({ ours, original, kernel }: Sides): [Figures, Figures] {
  const share = (figures: Figures): Figures =>
    new Map(
      [...figures].filter(([name]) => isRate(name)).map(([name, values]) => [
        name,
        values.map((value, round) => 100 * value / (kernel.get(name)?.[round] ?? NaN)),
      ]),
    );
  return [share(ours), share(original)];
}

/** No multicast where nobody else listens, and no rate below the original's. */
function holds(ours: Figures, original: Figures, isMeasured: boolean): boolean {
  const failures = [...ours].flatMap(([name, values]) => {
    const theirs = median(original.get(name) ?? []);
    const value = median(values);
    if (isMulticasts(name)) return value > theirs / 2 ? [`${name}: not halved`] : [];
    return isMeasured && isRate(name) && value < theirs ? [`${name}: below the original`] : [];
  });
  for (const failure of failures) console.error(failure);
  return failures.length === 0;
}

/** Runs the scenario on a copy of ours, since a build may replace what lies in dist/. Throws when it fails. */
async function measure(original: string, rounds: number): Promise<Sides> {
  const folder = await Deno.makeTempDir({ prefix: "hostkeep-bench-" });
  try {
    const binary = `${folder}/cmirrord`;
    await Deno.copyFile(`${root}/dist/cmirrord`, binary);
    return await figuresOf([binary, original, String(rounds)], 120 + rounds * SECONDS_PER_ROUND);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function figuresOf(args: readonly string[], limitSeconds: number): Promise<Sides> {
  await using run = await runScenario(SCENARIO, {
    args,
    limitSeconds,
    onLine: (_, line) => tell(line),
  });
  if (!run.ok) {
    const failed = run.checks.filter(({ ok }) => !ok);
    const reasons = failed.map(({ name, detail }) => `${name}: ${detail}`);
    throw new Error([...reasons, ...run.faults, run.nodes[0].console.slice(-2_000)].join("; "));
  }
  const sides: Sides = {
    ours: new Map(),
    apart: new Map(),
    original: new Map(),
    kernel: new Map(),
  };
  for (const { figure, value } of run.nodes[0].figures) {
    const [whose, name] = figure.split(/\/(.*)/);
    note(sides[whose as keyof Sides], name, value);
  }
  return sides;
}

function tell(text: string): void {
  const line = parseLine(text);
  if (line.kind === "note") console.error(line.text);
}
