import { assertEquals, assertStringIncludes } from "@std/assert";
import { reportPage } from "../../../../tasks/demo/report/page.ts";
import { act, HOSTILE, recording } from "./example.ts";

Deno.test("reportPage counts the claims of each act, and of all", () => {
  const page = reportPage(recording(act(), act({ daemon: "other" })));
  assertStringIncludes(page, "2 of 4 claims held, in 21.0 s");
  assertEquals([...page.matchAll(/<td class="number no">1 of 2<\/td>/g)].length, 2);
  assertStringIncludes(page, '<a href="#other">other</a>');
  assertStringIncludes(page, '<section id="other">');
});

Deno.test("reportPage says why an act was left out, and draws nothing for it", () => {
  const page = reportPage(recording(act({ leftOut: "no guest", lines: [], tracks: [] })));
  assertStringIncludes(page, "Left out: no guest");
  assertEquals(page.includes("<svg"), false);
});

Deno.test("reportPage has all that was told, in its order", () => {
  const page = reportPage(recording(act()));
  const told = page.slice(page.indexOf('<ol class="told">'));
  const places = ["1. First", "something", "✓ it holds", "2. Second", "✗ it does not"]
    .map((text) => told.indexOf(text));
  assertEquals(places.toSorted((a, b) => a - b), places);
  assertEquals(places.includes(-1), false);
});

Deno.test("reportPage asks for nothing, and runs nothing", () => {
  const page = reportPage(recording(act()));
  const sources = [...page.matchAll(/ (?:src|href)="([^"]*)"/g)].map(([, source]) => source);
  assertEquals(sources.filter((source) => !source.startsWith("#")), ["data:,"]);
  assertEquals(/<script|url\(|@import|javascript:| on\w+=/.test(page), false);
  assertStringIncludes(page, `content="default-src &#39;none&#39;`.replaceAll("&#39;", "'"));
});

Deno.test("reportPage makes no markup of what was told", () => {
  const lines = (["part", "why", "happens", "shows", "shown"] as const)
    .map((kind) => ({ at: 11, kind, text: HOSTILE }));
  const page = reportPage(recording(
    act({ lines, title: HOSTILE }),
    act({ daemon: HOSTILE, leftOut: HOSTILE }),
  ));
  assertEquals(page.includes("<script"), false);
  assertEquals(page.split("&lt;script&gt;").length > 10, true);
});
