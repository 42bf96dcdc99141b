import { assertEquals } from "@std/assert";
import { ActRecorder } from "../../../tasks/demo/record.ts";

Deno.test("ActRecorder puts states in the order of their times, and leaves out what is no change", () => {
  const recorder = new ActRecorder("tiny", "a title", 1);
  recorder.state("a", "two", 5);
  recorder.state("a", "one", 2);
  recorder.state("a", "one", 3);
  recorder.mark("a", "later", 9);
  recorder.mark("a", "sooner", 8);
  const [track] = recorder.record(10).tracks;
  assertEquals(track.changes, [{ at: 2, state: "one" }, { at: 5, state: "two" }]);
  assertEquals(track.marks.map(({ text }) => text), ["sooner", "later"]);
});

Deno.test("ActRecorder says why an act was left out only where it was", () => {
  const recorder = new ActRecorder("tiny", "a title", 1);
  assertEquals("leftOut" in recorder.record(2), false);
  recorder.leftOut = "no guest";
  assertEquals(recorder.record(2).leftOut, "no guest");
});

Deno.test("ActRecorder.last is what was told last of a kind", () => {
  const recorder = new ActRecorder("tiny", "a title", 1);
  recorder.line({ at: 1, kind: "happens", text: "first" });
  recorder.line({ at: 2, kind: "happens", text: "second" });
  recorder.line({ at: 3, kind: "why", text: "third" });
  assertEquals([recorder.last("happens"), recorder.last("part")], ["second", ""]);
});
