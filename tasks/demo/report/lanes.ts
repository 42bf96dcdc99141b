/** States over time: one lane for each track, and what happened on it. */
import type { Track } from "../recording.ts";
import { element, textElement } from "./markup.ts";
import { bar, label, legend, picture, type Tone } from "./picture.ts";
import { Scale } from "./scale.ts";

const LANE_PX = 50;
const BAR_AT_PX = 22;
const BAR_PX = 18;
const AXIS_PX = 20;

export interface Lanes {
  readonly description: string;
  readonly tracks: readonly Track[];
  /** Seconds of the demo that are shown. */
  readonly from: number;
  readonly to: number;
  /** How the states are coloured; what is not here is "calm". */
  readonly tones: Readonly<Record<string, Tone>>;
}

/** The lanes, one under the other, on one axis of time. */
export function lanes({ description, tracks, from, to, tones }: Lanes): string {
  const scale = new Scale(from, to);
  const toneOf = (state: string): Tone => tones[state] ?? "calm";
  const rows = tracks.map((track, index) => lane(track, index * LANE_PX, scale, toneOf));
  const axis = scale.axis(tracks.length * LANE_PX + 12, "s");
  const states = [...new Set(tracks.flatMap(({ changes }) => changes.map(({ state }) => state)))];
  const entries = states.filter((state) => state !== "").map((state) =>
    [toneOf(state), state] as const
  );
  return picture("lanes", tracks.length * LANE_PX + AXIS_PX, description, ...rows, axis) +
    legend(entries);
}

function lane(track: Track, top: number, scale: Scale, toneOf: (state: string) => Tone): string {
  const y = top + BAR_AT_PX;
  const states = track.changes.map(({ at, state }, index) =>
    state === ""
      ? ""
      : span(state, at, track.changes[index + 1]?.at ?? scale.to, y, scale, toneOf(state))
  );
  const ground = element("rect", { class: "ground", x: 0, y, width: "100%", height: BAR_PX });
  return label(top + 15, track.name) + ground + states.join("") +
    track.marks.map(({ at, text }) => mark(at, text, y, scale)).join("");
}

function span(
  state: string,
  from: number,
  to: number,
  y: number,
  scale: Scale,
  tone: Tone,
): string {
  const place = { x: scale.x(from), y, width: scale.width(from, to), height: BAR_PX };
  const text = `${state}, ${from.toFixed(1)} to ${to.toFixed(1)} s`;
  const words = scale.holds(state, from, to)
    ? textElement("text", { class: `on ${tone}`, x: scale.x(from), dx: 4, y: y + 13 }, state)
    : "";
  return bar(place, tone, text) + words;
}

/** A pin below the lane, where it hides no text. */
function mark(at: number, text: string, y: number, scale: Scale): string {
  const x = scale.x(at);
  return element(
    "g",
    { class: "mark" },
    textElement("title", {}, `${text}, ${at.toFixed(1)} s`),
    element("line", { x1: x, x2: x, y1: y + BAR_PX - 3, y2: y + BAR_PX + 3 }),
    element("circle", { cx: x, cy: y + BAR_PX + 4, r: 3 }),
  );
}
