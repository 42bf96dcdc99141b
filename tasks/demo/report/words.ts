/** The parts of the report that are text. */
import { type ActRecord, claimsOf, type Line, type Recording } from "../recording.ts";
import { element, escape, textElement } from "./markup.ts";

/** How many of an act's claims held, in words. */
export function outcome(act: ActRecord): string {
  if (act.leftOut !== undefined) return "left out";
  const claims = claimsOf(act);
  return `${claims.filter(({ held }) => held).length} of ${claims.length}`;
}

/** One row for each daemon. */
export function summaryTable({ acts }: Recording): string {
  const head = ["daemon", "what it shows", "claims", "seconds"].map((text) =>
    textElement("th", { scope: "col" }, text)
  );
  return element(
    "table",
    {},
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...acts.map(summaryRow)),
  );
}

function summaryRow(act: ActRecord): string {
  const link = textElement("a", { href: `#${act.daemon}` }, act.daemon);
  const allHeld = claimsOf(act).every(({ held }) => held);
  const tone = act.leftOut !== undefined ? "out" : allHeld ? "yes" : "no";
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, link),
    textElement("td", {}, act.title),
    textElement("td", { class: `number ${tone}` }, outcome(act)),
    textElement("td", { class: "number" }, (act.to - act.from).toFixed(1)),
  );
}

/** The claims of an act, each with whether it held. */
export function claimList(act: ActRecord): string {
  return element("ul", { class: "claims" }, ...claimsOf(act).map(claimItem));
}

function claimItem({ at, text, held }: Line): string {
  const sign = held
    ? element("b", { class: "yes", title: "it held" }, "✓")
    : element("b", { class: "no", title: "it did not hold" }, "✗");
  return element("li", {}, sign, textElement("span", {}, text), time(at));
}

/** The parts of an act, which the time line has the numbers of. */
export function partList({ lines }: ActRecord): string {
  const parts = lines.filter(({ kind }) => kind === "part");
  return element("ul", { class: "parts" }, ...parts.map(({ text }) => textElement("li", {}, text)));
}

/** Everything that was told. */
export function transcript({ lines }: ActRecord): string {
  return element(
    "details",
    {},
    textElement("summary", {}, "Everything that was told"),
    element("ol", { class: "told" }, ...lines.map(told)),
  );
}

function told({ at, kind, text, held }: Line): string {
  const sign = kind !== "shows" ? "" : held ? "✓ " : "✗ ";
  return element("li", { class: kind }, time(at), element("span", {}, sign, escape(text)));
}

function time(at: number): string {
  return textElement("time", {}, `${at.toFixed(1)} s`);
}

/** What was told to the scripts of each node, or happened on a track, in words. */
export function markList({ tracks }: ActRecord): string {
  const marked = tracks.filter(({ marks }) => marks.length > 0);
  if (marked.length === 0) return "";
  const rows = marked.map(({ name, marks }) =>
    element(
      "div",
      {},
      textElement("dt", {}, name),
      textElement(
        "dd",
        {},
        marks.map(({ at, text }) => `${at.toFixed(1)}\u00a0s ${text}`).join(" · "),
      ),
    )
  );
  return element("dl", { class: "marks" }, ...rows);
}
