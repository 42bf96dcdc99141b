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

/** The ratio is ours to theirs, so that above 1 is better for a rate and worse for a time. */
export function table(daemon: string, rows: readonly Comparison[]): string {
  const lines = rows.map(({ name, ours, theirs, higherIsBetter }) => {
    const ratio = ours / theirs;
    const verdict = Number.isNaN(ratio) ? "" : (ratio >= 1) === higherIsBetter ? "better" : "worse";
    return [
      name.padEnd(36),
      figure(theirs).padStart(10),
      figure(ours).padStart(10),
      `${ratio.toFixed(2)}×`.padStart(8),
      verdict,
    ]
      .join("  ");
  });
  const head = [
    `${daemon}: median of rounds`.padEnd(36),
    "C daemon".padStart(10),
    "ours".padStart(10),
    "ours/C".padStart(8),
  ];
  return [head.join("  "), ...lines].join("\n");
}
