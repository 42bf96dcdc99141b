/** The report of a run of the demo: one page that needs nothing else. */
import { type ActRecord, claimsOf, type Recording } from "../recording.ts";
import { element, textElement } from "./markup.ts";
import { figure } from "./picture.ts";
import { figuresOf } from "./pictures.ts";
import { style } from "./style.ts";
import { timeline } from "./timeline.ts";
import { claimList, outcome, partList, summaryTable, transcript } from "./words.ts";

/** Nothing may be loaded, and nothing runs. */
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
/** An icon of our own, so that no browser asks for one. */
const noIcon = "data:,";

/** The page. It shows what is in the recording and nothing else. */
export function reportPage(recording: Recording): string {
  const head = element(
    "head",
    {},
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="${policy}">`,
    `<link rel="icon" href="${noIcon}">`,
    textElement("title", {}, "hostkeep demo"),
    element("style", {}, style),
  );
  const acts = recording.acts.map(actSection);
  return `<!doctype html>\n${
    element("html", { lang: "en" }, head, element("body", {}, header(recording), ...acts))
  }\n`;
}

function header(recording: Recording): string {
  const claims = recording.acts.flatMap(claimsOf);
  const held = claims.filter(({ held }) => held).length;
  const verdict = `${held} of ${claims.length} claims held, in ${recording.seconds.toFixed(1)} s`;
  return element(
    "header",
    {},
    textElement("h1", {}, "hostkeep demo"),
    textElement("p", { class: "quiet" }, `${recording.date} · ${recording.machine}`),
    textElement("p", { class: `verdict ${held === claims.length ? "yes" : "no"}` }, verdict),
    element("section", {}, summaryTable(recording)),
  );
}

function actSection(act: ActRecord): string {
  const small = textElement("small", {}, act.title);
  const heading = element("h2", {}, textElement("span", {}, act.daemon), small);
  const body = act.leftOut !== undefined
    ? textElement("p", { class: "quiet" }, `Left out: ${act.leftOut}`)
    : element(
      "div",
      { class: "columns" },
      element("div", {}, figure("The act", timeline(act), partList(act)), ...figuresOf(act)),
      element("div", {}, figure(`Claims that held: ${outcome(act)}`, claimList(act))),
    );
  return element("section", { id: act.daemon }, heading, body, transcript(act));
}
