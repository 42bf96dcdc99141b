/** An act from its beginning to its end: its parts, what happened, what was claimed. */
import { type ActRecord, claimsOf, type Line } from "../recording.ts";
import { element, textElement } from "./markup.ts";
import { bar, legend, picture } from "./picture.ts";
import { Scale } from "./scale.ts";

const [BAND_PX, LINE_PX, HEIGHT_PX] = [20, 36, 76];
const CLAIM_PX = 5;

/** The time line of an act. */
export function timeline(act: ActRecord): string {
  const scale = new Scale(act.from, act.to);
  const parts = act.lines.filter(({ kind }) => kind === "part");
  const events = act.lines.filter(({ kind }) => kind === "happens");
  const description = `What happened in the act of ${act.daemon}, from ${act.from.toFixed(1)} to ${
    act.to.toFixed(1)
  } s`;
  return picture(
    "timeline",
    HEIGHT_PX,
    description,
    ...parts.map((part, index) => band(part, parts[index + 1]?.at ?? act.to, index, scale)),
    element("line", { class: "thread", x1: 0, x2: "100%", y1: LINE_PX, y2: LINE_PX }),
    ...events.map((event) => tick(event, scale)),
    ...claimsOf(act).map((claim) => dot(claim, scale)),
    scale.axis(HEIGHT_PX - 8, "s"),
  ) + legend([
    ["good", "a claim that held"],
    ["bad", "one that did not"],
    ["calm", "something happens"],
  ]);
}

function band(part: Line, to: number, index: number, scale: Scale): string {
  const place = { x: scale.x(part.at), y: 0, width: scale.width(part.at, to), height: BAND_PX };
  const number = /^\d+/.exec(part.text)?.[0] ?? "";
  const words = [part.text, number].find((text) => scale.holds(text, part.at, to)) ?? "";
  const text = textElement("text", { class: "label", x: scale.x(part.at), dx: 4, y: 14 }, words);
  return bar(place, `band${index % 2}`, part.text) + (words === "" ? "" : text);
}

function tick({ at, text }: Line, scale: Scale): string {
  const x = scale.x(at);
  return element(
    "line",
    { class: "tick", x1: x, x2: x, y1: LINE_PX - 9, y2: LINE_PX + 9 },
    textElement("title", {}, `${at.toFixed(1)} s: ${text}`),
  );
}

function dot({ at, text, held }: Line, scale: Scale): string {
  const shape = { class: held ? "good" : "bad", cx: scale.x(at), cy: LINE_PX, r: CLAIM_PX };
  const said = `${at.toFixed(1)} s: ${text}${held ? "" : " (it did not hold)"}`;
  return element("circle", shape, textElement("title", {}, said));
}
