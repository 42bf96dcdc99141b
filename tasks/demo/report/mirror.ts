/** The regions of a mirror at moments of time. */
import type { MirrorMoment } from "../recording.ts";
import { bar, label, legend, picture, runs } from "./picture.ts";
import { Scale } from "./scale.ts";

const ROW_PX = 64;
/** Below the label of a moment: the daemon's bits, the log's, the legs. */
const DAEMON = { y: 21, height: 16 };
const DISK = { y: 39, height: 7 };
const LEGS = { y: 48, height: 7 };

/** How regions of a kind are coloured, and what is said of them. */
interface Look {
  readonly tone: string;
  readonly text: string;
}
const states = {
  clean: { tone: "good", text: "in sync and clean" },
  dirty: { tone: "odd", text: "dirty" },
  unsynced: { tone: "none", text: "not in sync yet" },
};
const bits = {
  "1": { tone: "good", text: "clean on disk" },
  "0": { tone: "odd", text: "not clean on disk" },
};
const legs = {
  same: { tone: "calm", text: "the legs are the same" },
  differ: { tone: "bad", text: "the legs are not the same" },
};

/** For each moment: what the daemon knows, what the log on disk has, and, where they were compared, the legs. */
export function mirrorRegions(moments: readonly MirrorMoment[]): string {
  const regions = Math.max(1, ...moments.map(({ states }) => states.length));
  const scale = new Scale(0, regions);
  const rows = moments.map((moment, index) => row(moment, index * ROW_PX, scale));
  const height = moments.length * ROW_PX;
  const description = "The mirror's regions: the daemon's bits, the log on disk, the legs";
  const shown = [states.clean, states.dirty, states.unsynced, legs.same, legs.differ];
  return picture("mirror", height + 20, description, ...rows, scale.axis(height + 12, "regions")) +
    legend(shown.map(({ tone, text }) => [tone, text]));
}

function row(moment: MirrorMoment, top: number, scale: Scale): string {
  const differ = moment.differ;
  const compared = differ === undefined
    ? []
    : moment.states.map((_, region) => differ.includes(region) ? legs.differ : legs.same);
  const onDisk = [...moment.disk].map((bit) => bits[bit === "1" ? "1" : "0"]);
  return label(top + 15, `${moment.at.toFixed(1)} s: ${moment.moment}`) +
    strip(moment.states.map((state) => states[state]), top, DAEMON, scale) +
    strip(onDisk, top, DISK, scale) +
    strip(compared, top, LEGS, scale);
}

/** One line of regions, with neighbours of a kind made one. */
function strip(looks: readonly Look[], top: number, line: typeof DAEMON, scale: Scale): string {
  return runs(looks).map(([{ tone, text }, from, to]) => {
    const which = to - from === 1 ? `region ${from}` : `regions ${from} to ${to - 1}`;
    const place = { x: scale.x(from), y: top + line.y, width: scale.width(from, to) };
    return bar({ ...place, height: line.height }, tone, `${which}: ${text}`);
  }).join("");
}
