/** Which values of the configuration make sense. */

/** The least and the greatest value of each key. */
const RANGES: Readonly<Record<string, readonly [least: number, greatest: number]>> = {
  check_interval: [1, 86_400],
  update_interval: [1, 60_000],
  seam_limit: [1, 4_096],
  region_limit: [2, 65_536],
  look_ahead: [0, 65_536],
  log_level: [1, 4],
};

/** What is wrong with a value, or undefined. */
export function settingProblem(key: string, value: number): string | undefined {
  const range = Object.hasOwn(RANGES, key) ? RANGES[key] : undefined;
  if (range === undefined || (value >= range[0] && value <= range[1])) return undefined;
  return `value ${value} is not in the range ${range[0]} to ${range[1]}`;
}
