/** A guest is started again while its clock is wrong. */
import { assertEquals } from "@std/assert";
import { ClockedMachine, type Startable, WRONG_CLOCK } from "../../../tasks/rig/clock.ts";

/** Machines that end by themselves, one after the other, having said this. */
function machines(...said: string[]): { machine: ClockedMachine; starts: () => number } {
  let starts = 0;
  const start = (): Promise<Startable> =>
    Promise.resolve({ ended: Promise.resolve({ code: ++starts, said: "" }), kill: () => {} });
  const machine = new ClockedMachine(start, () => Promise.resolve(said[starts - 1] ?? ""));
  return { machine, starts: () => starts };
}

Deno.test("ClockedMachine starts again what says that its clock is wrong, and nothing else", async () => {
  const { machine, starts } = machines(WRONG_CLOCK, `more\n${WRONG_CLOCK}\n`, "panic", WRONG_CLOCK);
  assertEquals([(await machine.ended).code, starts()], [3, 3]);
});

Deno.test("ClockedMachine gives up after five starts", async () => {
  const { machine, starts } = machines(...Array.from({ length: 9 }, () => WRONG_CLOCK));
  assertEquals([(await machine.ended).code, starts()], [5, 5]);
});

Deno.test("ClockedMachine does not start again what was killed", async () => {
  const { machine, starts } = machines(WRONG_CLOCK, WRONG_CLOCK);
  machine.kill();
  assertEquals([(await machine.ended).code, starts()], [1, 1]);
});
