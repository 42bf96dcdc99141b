/** The values of the configuration: what each may be. Pure. */

/** What is wrong with a value, or undefined. Keys are those of the manifest. */
export function settingProblem(key: string, value: number | string): string | undefined {
  if (key !== "log_level") return undefined;
  return /^[1-4]$/.test(String(value)) ? undefined : `"${value}" is not between 1 and 4`;
}
