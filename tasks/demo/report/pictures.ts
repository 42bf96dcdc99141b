/** Which pictures a daemon's act is shown in. */
import type { ActRecord } from "../recording.ts";
import { extentMaps } from "./extents.ts";
import { type Lanes, lanes } from "./lanes.ts";
import { mirrorRegions } from "./mirror.ts";
import { figure } from "./picture.ts";
import { markList } from "./words.ts";

const laneKinds: Readonly<Record<string, { heading: string; tones: Lanes["tones"] }>> = {
  virtlockd: {
    heading: "Locks and clients, while the daemon replaces itself and a holder dies",
    tones: {
      "first image": "calm",
      "second image": "busy",
      "locks without a pause": "busy",
      red: "bad",
      blue: "calm",
    },
  },
  mdmpd: {
    heading: "The paths: where each leads, and what md makes of it",
    tones: {
      "its disk": "good",
      "in service": "good",
      nothing: "bad",
      failed: "bad",
      "another disk": "odd",
    },
  },
  cmannotifyd: {
    heading: "What the scripts of each node were told of the cluster",
    tones: { quorum: "good", "no quorum": "odd", "no corosync": "bad" },
  },
};

/** All that was measured in the act, as figures; none for what has no data. */
export function figuresOf(act: ActRecord): string[] {
  const figures: string[] = [];
  if (act.tracks.length > 0) figures.push(lanesFigure(act));
  if (act.fileMaps.length > 0) {
    figures.push(
      figure("The file's extents and the regions that count for it", extentMaps(act.fileMaps)),
    );
  }
  if (act.mirror.length > 0) {
    const heading =
      "The mirror's regions: the daemon's bits; the log on disk, read a moment before; the legs, where they were compared";
    figures.push(figure(heading, mirrorRegions(act.mirror)));
  }
  return figures;
}

function lanesFigure(act: ActRecord): string {
  const { heading, tones } = laneKinds[act.daemon] ?? { heading: "States over time", tones: {} };
  const drawn = lanes({ description: heading, tracks: act.tracks, ...extent(act), tones });
  return figure(heading, drawn, markList(act));
}

/** From the first that is known of any track to a little behind the last; the act may begin long before, with a kernel's start. */
function extent({ tracks, to }: ActRecord): { from: number; to: number } {
  const times = tracks.flatMap(({ changes, marks }) => [...changes, ...marks].map(({ at }) => at));
  const [first, last] = [Math.min(...times), Math.max(...times)];
  return { from: first, to: Math.min(to, last + (last - first) * 0.1) };
}
