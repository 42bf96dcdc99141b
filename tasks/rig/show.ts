/** What `task rig` prints. */
import { parseLine } from "./results.ts";
import type { NodeRun } from "./nodes.ts";
import type { ScenarioRun } from "./run.ts";

/** Shows a line of results as it comes. */
export function showLine(node: number, text: string): void {
  const line = parseLine(text);
  const words = {
    check: () =>
      line.kind === "check" && `${line.ok ? "ok" : "FAILED"} ${line.name}${detail(line.detail)}`,
    figure: () => line.kind === "figure" && `${line.figure}: ${line.value} ${line.unit}`,
    note: () => line.kind === "note" && line.text,
    up: () => "up",
    done: () => line.kind === "done" && `done, with status ${line.status}`,
    bad: () => `no result: ${text}`,
  };
  console.log(`node${node}: ${words[line.kind]()}`);
}

function detail(text: string): string {
  return text === "" ? "" : ` (${text.replaceAll("\n", "\n    ")})`;
}

/** Shows what came of a run: of a bad one, the consoles too. */
export function showRun(run: ScenarioRun): void {
  if (!run.ok) run.nodes.filter(({ console }) => console !== "").forEach(showConsole);
  run.faults.forEach((fault) => console.log(`FAILED: ${fault}`));
  const failed = run.checks.filter(({ ok }) => !ok).length;
  const first = run.nodes.map(({ firstLineSeconds }) => firstLineSeconds?.toFixed(1) ?? "never");
  console.log(
    `${run.checks.length - failed} checks passed, ${failed} failed, ${run.faults.length} faults, ` +
      `${run.seconds.toFixed(1)} s; first line after ${first.join(", ")} s`,
  );
  if (run.keep) console.log(`kept in ${run.folder.path}`);
}

function showConsole({ node, console: text }: NodeRun): void {
  console.log(`--- console of node${node}\n${text.trimEnd()}\n---`);
}
