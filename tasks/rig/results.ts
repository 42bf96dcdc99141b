/** What a guest hands back, and what is to be said against it. */

/** One check of a scenario. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** Why it failed, or what was seen. */
  readonly detail: string;
  /** Seconds since the guest's kernel started. */
  readonly at: number;
}

/** A measurement. */
export interface Figure {
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
}

/** The lines of a node's results.jsonl, by kind. */
export interface Results {
  readonly checks: readonly Check[];
  readonly notes: readonly string[];
  readonly figures: readonly Figure[];
  /** Exit status of the scenario, from the last line; undefined when that is missing. */
  readonly status: number | undefined;
  /** Lines that are none of these. */
  readonly bad: readonly string[];
}

/** A line of the results. */
export type Line =
  | ({ readonly kind: "check" } & Check)
  | ({ readonly kind: "figure" } & Figure)
  | { readonly kind: "note"; readonly text: string; readonly at: number }
  | { readonly kind: "up"; readonly at: number }
  | { readonly kind: "done"; readonly status: number }
  | { readonly kind: "bad"; readonly text: string };

/** Reads one line; any text gives one of the kinds. */
export function parseLine(text: string): Line {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) return { kind: "bad", text };
  const { name, ok, detail, at, note, figure, value: number, unit, up, done } = value as Record<
    string,
    unknown
  >;
  if (typeof name === "string" && typeof ok === "boolean") {
    return { kind: "check", name, ok, detail: String(detail ?? ""), at: Number(at ?? 0) };
  }
  if (typeof figure === "string" && typeof number === "number") {
    return { kind: "figure", figure, value: number, unit: String(unit ?? "") };
  }
  if (typeof note === "string") return { kind: "note", text: note, at: Number(at ?? 0) };
  if (typeof up === "number") return { kind: "up", at: up };
  return typeof done === "number" ? { kind: "done", status: done } : { kind: "bad", text };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads a node's results.jsonl. */
export function parseResults(text: string): Results {
  const lines = text.split("\n").filter((line) => line !== "").map(parseLine);
  const last = lines.at(-1);
  return {
    checks: lines.filter((line) => line.kind === "check"),
    notes: lines.filter((line) => line.kind === "note").map((line) => line.text),
    figures: lines.filter((line) => line.kind === "figure"),
    status: last?.kind === "done" ? last.status : undefined,
    bad: lines.filter((line) => line.kind === "bad").map((line) => line.text),
  };
}

/** How a machine ended: by itself, or killed at the limit. */
export interface Ending {
  readonly code: number;
  readonly killedAfterSeconds?: number;
  /** What QEMU said. */
  readonly said: string;
}

/** Everything that keeps a node's run from being a success, but for failed checks. */
export function faultsOf(results: Results, ending: Ending, console: string): string[] {
  const faults = results.bad.map((line) => `wrote a line that is no result: ${line}`);
  const panic = /Kernel panic - .*/.exec(console)?.[0];
  if (panic !== undefined) faults.push(panic);
  if (ending.killedAfterSeconds !== undefined) {
    faults.push(`killed after ${ending.killedAfterSeconds} s`);
  } else if (ending.code !== 0) {
    faults.push(`QEMU ended with ${ending.code}: ${ending.said.trim()}`);
  }
  if (results.status === undefined) faults.push("ended before the scenario was done");
  else if (results.status !== 0) faults.push(`the scenario ended with status ${results.status}`);
  return faults;
}

/**
 * The kernel's log as text. Each record of /dev/kmsg is "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT", and may have lines of
 * properties behind it that begin with a blank (Documentation/ABI/testing/dev-kmsg).
 */
export function kernelLog(records: string): string {
  const lines = records.split("\n").map((line) => /^\d+,\d+,(\d+),[^;]*;(.*)$/.exec(line));
  return lines.filter((match) => match !== null)
    .map(([, microseconds, text]) => `[${(Number(microseconds) / 1e6).toFixed(6)}] ${text}\n`)
    .join("");
}
