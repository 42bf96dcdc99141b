import { assertEquals, assertStringIncludes } from "@std/assert";
import { extentMaps } from "../../../../tasks/demo/report/extents.ts";
import { lanes } from "../../../../tasks/demo/report/lanes.ts";
import { mirrorRegions } from "../../../../tasks/demo/report/mirror.ts";
import { runs } from "../../../../tasks/demo/report/picture.ts";
import { figuresOf } from "../../../../tasks/demo/report/pictures.ts";
import { timeline } from "../../../../tasks/demo/report/timeline.ts";
import { act, elementsOf, HOSTILE } from "./example.ts";

const spansOf = (markup: string, type: string): string[] =>
  elementsOf(markup, "rect", type).map(({ x, width }) => `${x} ${width}`);

Deno.test("lanes draws each state from its change to the next, and the last to the end", () => {
  const { tracks, from, to } = act();
  const drawn = lanes({ description: "d", tracks, from, to, tones: { up: "good", down: "bad" } });
  assertEquals(spansOf(drawn, "good"), ["0% 50%"]);
  assertEquals(spansOf(drawn, "bad"), ["75% 25%"]);
  assertStringIncludes(drawn, "<title>down, 17.5 to 20.0 s</title>");
});

Deno.test("lanes marks a moment where it was, and names every state under the picture", () => {
  const { tracks, from, to } = act();
  const drawn = lanes({ description: "d", tracks, from, to, tones: { up: "good" } });
  assertStringIncludes(drawn, '<title>a mark, 12.0 s</title><line x1="20%" x2="20%"');
  assertStringIncludes(drawn, '<li><i class="good"></i>up</li><li><i class="calm"></i>down</li>');
});

Deno.test("extentMaps draws extents and regions to one scale, that of the last sector that is used", () => {
  const drawn = extentMaps(act().fileMaps);
  assertEquals(spansOf(drawn, "good"), ["0% 25%", "75% 25%"]);
  assertEquals(spansOf(drawn, "busy"), ["0% 25%"]);
  assertStringIncludes(drawn, "13.0 s: 2 extents, 1 region<");
});

Deno.test("mirrorRegions draws the daemon's regions, those on disk, and where the legs are not the same", () => {
  const drawn = mirrorRegions(act().mirror);
  assertEquals(spansOf(drawn, "good"), ["0% 50%", "0% 50%"]);
  assertEquals(spansOf(drawn, "odd"), ["50% 25%", "50% 50%"]);
  assertEquals(spansOf(drawn, "none"), ["75% 25%"]);
  assertEquals(spansOf(drawn, "bad"), ["50% 25%"]);
  assertEquals(spansOf(drawn, "calm"), ["0% 50%", "75% 25%"]);
  assertStringIncludes(drawn, "<title>region 2: dirty</title>");
});

Deno.test("mirrorRegions draws no legs where they were not compared", () => {
  const [{ differ: _, ...moment }] = act().mirror;
  const drawn = mirrorRegions([moment]);
  assertEquals([spansOf(drawn, "bad"), spansOf(drawn, "calm")], [[], []]);
});

Deno.test("timeline has a band for each part, a line for each event, a dot for each claim", () => {
  const drawn = timeline(act());
  assertEquals([spansOf(drawn, "band0"), spansOf(drawn, "band1")], [["0% 50%"], ["50% 50%"]]);
  assertEquals(elementsOf(drawn, "line", "tick").map(({ x1 }) => x1), ["10%"]);
  assertEquals(elementsOf(drawn, "circle", "good").map(({ cx }) => cx), ["20%"]);
  assertEquals(elementsOf(drawn, "circle", "bad").map(({ cx }) => cx), ["60%"]);
});

Deno.test("runs makes neighbours of a kind one, and keeps all of them", () => {
  assertEquals(runs([1, 1, 2, 1]), [[1, 0, 2], [2, 2, 3], [1, 3, 4]]);
  assertEquals(runs([]), []);
});

Deno.test("figuresOf draws what was measured, and nothing where nothing was", () => {
  assertEquals(figuresOf(act()).length, 3);
  assertEquals(figuresOf(act({ tracks: [], fileMaps: [], mirror: [] })), []);
});

Deno.test("no text becomes markup in any picture", () => {
  const [track] = act().tracks;
  const [moment] = act().mirror;
  const drawn = [
    ...figuresOf(act({
      tracks: [{
        name: HOSTILE,
        changes: [{ at: 10, state: HOSTILE }],
        marks: [{ at: 11, text: HOSTILE }],
      }, track],
      mirror: [{ ...moment, moment: HOSTILE }],
    })),
    timeline(act({
      daemon: HOSTILE,
      lines: (["part", "happens", "shows"] as const).map((kind) => ({
        at: 11,
        kind,
        text: HOSTILE,
      })),
    })),
  ].join("");
  assertEquals(/<script|alert\("/.test(drawn), false);
  assertStringIncludes(drawn, "&lt;script&gt;");
});
