import { assertEquals } from "@std/assert";
import { faultsOf, kernelLog, parseLine, parseResults } from "../../../tasks/rig/results.ts";

const checked = `{"name":"a","ok":true,"detail":"","at":1.5}\n`;
const ended = { code: 0, said: "" };

Deno.test("parseResults sorts the lines of a node by their kind", () => {
  const results = parseResults(
    `{"up":2.1}\n${checked}{"note":"n"}\n{"figure":"f","value":3,"unit":"ms"}\n{"done":0}\n`,
  );
  assertEquals(results.checks.map(({ name, ok, at }) => [name, ok, at]), [["a", true, 1.5]]);
  assertEquals(results.notes, ["n"]);
  assertEquals(results.figures.map(({ figure, value, unit }) => [figure, value, unit]), [
    ["f", 3, "ms"],
  ]);
  assertEquals([results.status, results.bad], [0, []]);
});

Deno.test("parseResults finds a run done only where that is the last line", () => {
  assertEquals(parseResults(checked).status, undefined);
  assertEquals(parseResults(`{"done":0}\n${checked}`).status, undefined);
  assertEquals(parseResults(`${checked}{"done":3}\n`).status, 3);
});

Deno.test("parseLine calls everything else bad", () => {
  for (const text of ["", "x", "3", "null", "[]", `{"name":"a"}`, `{"name":1,"ok":true}`, `{"do`]) {
    assertEquals(parseLine(text), { kind: "bad", text });
  }
});

Deno.test("faultsOf has nothing against a run that came to its end", () => {
  assertEquals(faultsOf(parseResults(`${checked}{"done":0}\n`), ended, "fine"), []);
});

Deno.test("faultsOf names every way not to come to the end", () => {
  const done = parseResults(`{"done":0}`);
  const faults = (console: string, ending: Parameters<typeof faultsOf>[1]): string[] =>
    faultsOf(done, ending, console);
  assertEquals(faults("[1.0] Kernel panic - not syncing: x\nmore", ended), [
    "Kernel panic - not syncing: x",
  ]);
  assertEquals(faults("", { code: 137, said: "", killedAfterSeconds: 9 }), ["killed after 9 s"]);
  assertEquals(faults("", { code: 1, said: "no\n" }), ["QEMU ended with 1: no"]);
  assertEquals(faultsOf(parseResults(`{"done":2}`), ended, ""), [
    "the scenario ended with status 2",
  ]);
  assertEquals(faultsOf(parseResults("junk"), ended, ""), [
    "wrote a line that is no result: junk",
    "ended before the scenario was done",
  ]);
});

Deno.test("kernelLog shows the records of /dev/kmsg without their properties", () => {
  const records = "6,1,0,-;Linux\n4,2,1500000,-;virtio: a;b\n SUBSYSTEM=virtio\n DEVICE=+x\n";
  assertEquals(kernelLog(records), "[0.000000] Linux\n[1.500000] virtio: a;b\n");
});
