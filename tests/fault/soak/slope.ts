/** How something grows over time. */

export interface Sample {
  /** Since the start of the measurement. */
  readonly minutes: number;
  readonly value: number;
}

/** Growth per minute by least squares. Throws RangeError for less than two moments. */
export function slope(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map((s) => s.minutes)), mean(samples.map((s) => s.value))];
  let [products, squares] = [0, 0];
  for (const { minutes, value } of samples) {
    products += (minutes - x) * (value - y);
    squares += (minutes - x) ** 2;
  }
  if (!(squares > 0)) throw new RangeError("a slope needs two moments");
  return products / squares;
}

/** What the line through the samples gained between the first and the last of them. */
export function growth(samples: readonly Sample[]): number {
  const first = samples[0]?.minutes ?? 0;
  return slope(samples) * ((samples.at(-1)?.minutes ?? 0) - first);
}
