/** dmfilemapd's act: a growing file and its map, in a guest of the rig. */
import { root } from "../toolchain.ts";
import { playInGuest } from "./guest_act.ts";
import type { Span } from "./recording.ts";
import type { Stage } from "./stage.ts";

const BAR_COLUMNS = 64;
/** The part of the device that is drawn: the first 64 MiB. */
const BAR_SECTORS = 64 * 2048;

export async function dmfilemapdAct(stage: Stage, things: AsyncDisposableStack): Promise<void> {
  await playInGuest(stage, things, {
    scenario: `${root}/tasks/demo/dmfilemapd.sh`,
    purpose: "device-mapper",
    show: { map: (text, at) => showMap(stage, text, at) },
  });
}

/** Draws where the file is and what is mapped, to the same scale. */
async function showMap(stage: Stage, text: string, at: number): Promise<void> {
  const [extents, regions] = text.split("|").map(parseSpans);
  const moment = stage.recorder.last("happens");
  stage.recorder.fileMap({ at, moment, extents, regions });
  await stage.shown(`extents ${extents.length}, regions ${regions.length}`, at);
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
