/** Two programs' figures side by side. */

export interface Comparison {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number;
  readonly higherIsBetter: boolean;
}

/** The middle value; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? NaN : sorted[Math.floor(sorted.length / 2)];
}

function figure(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toFixed(1);
}

/** Figures by name, one value a round. */
export type Figures = Map<string, number[]>;

export function note(figures: Figures, name: string, value: number): void {
  figures.set(name, [...figures.get(name) ?? [], value]);
}

/** Medians beside each other. For rates higher is better, for times and sizes lower. */
export function compare(
  ours: Figures,
  theirs: Figures,
  isRate: (name: string) => boolean = () => false,
): Comparison[] {
  return [...ours].map(([name, values]) => ({
    name,
    ours: median(values),
    theirs: median(theirs.get(name) ?? []),
    higherIsBetter: isRate(name),
  }));
}

/** The ratio is ours to theirs, so that above 1 is better for a rate and worse for a time. */
export function table(title: string, rows: readonly Comparison[]): string {
  const width = Math.max(title.length, ...rows.map(({ name }) => name.length));
  const lines = rows.map(({ name, ours, theirs, higherIsBetter }) => {
    const ratio = ours / theirs;
    const isKnown = Number.isFinite(ratio);
    const verdict = !isKnown ? "" : (ratio >= 1) === higherIsBetter ? "better" : "worse";
    return [
      name.padEnd(width),
      (Number.isNaN(theirs) ? "-" : figure(theirs)).padStart(10),
      figure(ours).padStart(10),
      (isKnown ? `${ratio.toFixed(2)}×` : "").padStart(8),
      verdict,
    ].join("  ").trimEnd();
  });
  const head = [
    title.padEnd(width),
    "C daemon".padStart(10),
    "ours".padStart(10),
    "ours/C".padStart(8),
  ];
  return [head.join("  "), ...lines].join("\n");
}
