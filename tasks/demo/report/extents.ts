/** Where a file is on its device, and where the regions are that follow it. */
import type { FileMap, Span } from "../recording.ts";
import { bar, label, legend, picture } from "./picture.ts";
import { Scale } from "./scale.ts";

const SECTORS_PER_MIB = 2048;
const ROW_PX = 78;
const BARS_AT_PX = 38;
const BAR_PX = 14;
/** What has room on the narrowest page. */
const LABEL_LETTERS = 44;

/** One pair of rows for each moment, all to one scale. */
export function extentMaps(maps: readonly FileMap[]): string {
  const ends = maps.flatMap(({ extents, regions }) =>
    [...extents, ...regions].map(({ end }) => end)
  );
  const scale = new Scale(0, Math.max(1, ...ends) / SECTORS_PER_MIB);
  const rows = maps.map((map, index) => row(map, index * ROW_PX, scale));
  const height = maps.length * ROW_PX;
  const description = "Where the file's extents and the regions are on the device";
  return picture("extents", height + 20, description, ...rows, scale.axis(height + 12, "MiB")) +
    legend([["good", "extents of the file"], ["busy", "regions that are counted"]]);
}

function row(map: FileMap, top: number, scale: Scale): string {
  const counts = `${count(map.extents.length, "extent")}, ${count(map.regions.length, "region")}`;
  return label(top + 15, `${map.at.toFixed(1)} s: ${counts}`) +
    label(top + 31, `after: ${shortened(map.moment)}`) +
    bars(map.extents, "good", "extent", top + BARS_AT_PX, scale) +
    bars(map.regions, "busy", "region", top + BARS_AT_PX + BAR_PX + 1, scale);
}

function bars(spans: readonly Span[], tone: string, what: string, y: number, scale: Scale): string {
  return spans.map((span) => {
    const [from, to] = [span.start / SECTORS_PER_MIB, span.end / SECTORS_PER_MIB];
    const place = { x: scale.x(from), y, width: scale.width(from, to), height: BAR_PX };
    return bar(place, tone, `${what} from ${from.toFixed(2)} to ${to.toFixed(2)} MiB`);
  }).join("");
}

function shortened(text: string): string {
  return text.length <= LABEL_LETTERS ? text : `${text.slice(0, LABEL_LETTERS - 1)}…`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
