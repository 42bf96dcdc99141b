/** The values of the configuration: what each may be. Pure. */

/** What is wrong with a value, or undefined. Keys are those of the manifest. */
export function settingProblem(key: string, value: number | string): string | undefined {
  if (key === "quorum") return inRange(value, 0, 1);
  return key === "log_level" ? inRange(value, 1, 4) : undefined;
}

function inRange(value: number | string, min: number, max: number): string | undefined {
  const isGood = /^\d$/.test(String(value)) && Number(value) >= min && Number(value) <= max;
  return isGood ? undefined : `"${value}" is not between ${min} and ${max}`;
}
