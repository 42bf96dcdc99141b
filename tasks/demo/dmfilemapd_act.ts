/** dmfilemapd's act: a growing file and its map, in a guest of the rig, for which no machine's own device-mapper is touched. */
import { obstacle, rigPackages } from "../rig/requirements.ts";
import { parseLine } from "../rig/results.ts";
import { runScenario } from "../rig/run.ts";
import { ensurePackages } from "../setup.ts";
import { root } from "../toolchain.ts";
import type { Stage } from "./stage.ts";

const SCENARIO = `${root}/tasks/demo/dmfilemapd.sh`;
const BAR_COLUMNS = 64;
/** The part of the device that is drawn: the first 64 MiB. */
const BAR_SECTORS = 64 * 2048;

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Plays the act, or says why it cannot be played. */
export async function dmfilemapdAct(stage: Stage): Promise<void> {
  await stage.act("dmfilemapd: statistics that follow a file");
  const isReady = await ensurePackages("the demo", rigPackages);
  const reason = isReady ? await obstacle() : "the rig's packages are not installed";
  if (reason !== undefined) {
    await stage.why(`left out: ${reason}`);
    await stage.why(`it needs a guest: apt-get install ${rigPackages.join(" ")}`);
    return;
  }
  await stage.happens("starts a stock Debian kernel in QEMU, for its device-mapper");
  const lines: string[] = [];
  const run = runScenario(SCENARIO, { onLine: (_, line) => lines.push(line) });
  let isOver = false;
  const over = run.finally(() => isOver = true);
  while (!isOver || lines.length > 0) {
    const line = lines.shift();
    if (line === undefined) await new Promise((resolve) => setTimeout(resolve, 20));
    else await tell(stage, line);
  }
  await using done = await over;
  if (done.faults.length > 0) await stage.shows(`the guest came to its end: ${done.faults}`, false);
}

/** Shows a line of the guest's results. */
async function tell(stage: Stage, text: string): Promise<void> {
  const line = parseLine(text);
  if (line.kind === "check") await stage.shows(line.name, line.ok);
  if (line.kind !== "note") return;
  const [kind, words] = line.text.split(/ (.*)/s);
  if (kind === "act") await stage.act(words);
  else if (kind === "why") await stage.why(words);
  else if (kind === "map") showMap(words);
  else if (kind === "happens") await stage.happens(words);
  else console.log(`          ${words ?? ""}`);
}

/** Draws where the file is and what is mapped, to the same scale. */
function showMap(text: string): void {
  const [extents, regions] = text.split("|").map(parseSpans);
  console.log(`          file     ${bar(extents, "█")}`);
  console.log(`          regions  ${bar(regions, "▀")}`);
}

function parseSpans(text: string): Span[] {
  return [...text.matchAll(/(\d+)\+(\d+)/g)].map(([, start, length]) => ({
    start: Number(start),
    end: Number(start) + Number(length),
  }));
}

/** A column for each MiB: full where at least half of it is covered. */
function bar(spans: readonly Span[], full: string): string {
  const width = BAR_SECTORS / BAR_COLUMNS;
  return Array.from({ length: BAR_COLUMNS }, (_, column) => {
    const [from, to] = [column * width, (column + 1) * width];
    const covered = spans.reduce(
      (sum, { start, end }) => sum + Math.max(0, Math.min(end, to) - Math.max(start, from)),
      0,
    );
    return covered * 2 >= width ? full : covered > 0 ? "▪" : "·";
  }).join("");
}
