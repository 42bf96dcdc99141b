import { assertEquals, assertThrows } from "@std/assert";
import {
  IDLE,
  RUNNER_EVENTS,
  RUNNER_PHASES,
  type RunnerAction,
  type RunnerEvent,
  type RunnerState,
  runnerStep,
} from "../../../daemons/cmannotifyd/runner_machine.ts";

class Bench {
  readonly state: RunnerState;
  now = 1_000;

  constructor(timeoutMs = 0) {
    this.state = { ...IDLE, timeoutMs };
  }

  tell(event: RunnerEvent): RunnerAction[] {
    return runnerStep(this.state, event, this.now);
  }
}

const ended = { type: "ended", timedOut: false, ranMs: 0 } as const;

Deno.test("scripts run one after the other, whatever becomes of each", () => {
  const bench = new Bench();
  const run = { type: "run", sequence: 3, scripts: ["a", "b"] } as const;
  assertEquals(bench.tell(run), [{ type: "spawn", script: "a" }]);
  assertEquals(bench.tell({ type: "spawned", pid: 9 }), [{ type: "started", script: "a", pid: 9 }]);
  bench.now += 250;
  assertEquals(bench.tell({ type: "exited", how: "exit 3" }), [
    { ...ended, script: "a", how: "exit 3", ranMs: 250 },
    { type: "spawn", script: "b" },
  ]);
  assertEquals(bench.tell({ type: "spawnFailed", reason: "gone" }), [
    { ...ended, script: "b", how: "gone" },
    { type: "done", sequence: 3, scripts: 2 },
  ]);
});

Deno.test("a notification without scripts is done at once", () => {
  const done = [{ type: "done", sequence: 4, scripts: 0 }];
  assertEquals(new Bench().tell({ type: "run", sequence: 4, scripts: [] }), done as RunnerAction[]);
});

Deno.test("a script whose time is up is told to end, and then made to", () => {
  const bench = new Bench(2_000);
  bench.tell({ type: "run", sequence: 1, scripts: ["a"] });
  const wake = { type: "wakeAfter", delayMs: 2_000 } as const;
  assertEquals(bench.tell({ type: "spawned", pid: 9 })[1], wake);
  assertEquals(bench.tell({ type: "timeUp" }), [
    { type: "signal", signal: "SIGTERM" },
    { type: "wakeAfter", delayMs: 5_000 },
  ]);
  assertEquals(bench.tell({ type: "timeUp" }), [{ type: "signal", signal: "SIGKILL" }]);
  assertEquals(bench.tell({ type: "exited", how: "signal 9" }), [
    { type: "forgetWake" },
    { ...ended, script: "a", how: "signal 9", timedOut: true },
    { type: "done", sequence: 1, scripts: 1 },
  ]);
});

Deno.test("what a script started has as long to end as the script had, and is killed behind it", () => {
  const bench = new Bench(2_000);
  bench.tell({ type: "run", sequence: 1, scripts: ["a", "b"] });
  bench.tell({ type: "spawned", pid: 9 });
  bench.tell({ type: "timeUp" });
  bench.now += 4_900;
  const count = { type: "count" } as const;
  assertEquals(bench.tell({ type: "exited", how: "signal 15" }), [{ type: "forgetWake" }, count]);
  const look = (delayMs: number): RunnerAction[] => [{ type: "wakeAfter", delayMs }];
  assertEquals(bench.tell({ type: "others", count: 2 }), look(100));
  bench.now += 99;
  assertEquals(bench.tell({ type: "timeUp" }), [count]);
  assertEquals(bench.tell({ type: "others", count: 1 }), look(1));
  bench.now += 1;
  assertEquals(bench.tell({ type: "timeUp" }), [
    { type: "signal", signal: "SIGKILL" },
    { ...ended, script: "a", how: "signal 15", ranMs: 5_000, timedOut: true },
    { type: "spawn", script: "b" },
  ]);
});

Deno.test("the next script begins as soon as nothing is left of the one whose time was up", () => {
  const bench = new Bench(2_000);
  bench.tell({ type: "run", sequence: 1, scripts: ["a", "b"] });
  bench.tell({ type: "spawned", pid: 9 });
  bench.tell({ type: "timeUp" });
  bench.tell({ type: "exited", how: "exit 0" });
  assertEquals(bench.tell({ type: "others", count: 0 }), [
    { ...ended, script: "a", how: "exit 0", timedOut: true },
    { type: "spawn", script: "b" },
  ]);
  assertEquals(bench.state.phase, "running");
});

/** Events that mean something in a phase. */
const possible: Readonly<Record<string, readonly string[]>> = {
  idle: ["run"],
  running: ["spawned", "spawnFailed", "exited", "timeUp"],
  terminating: ["exited", "timeUp"],
  lingering: ["others", "timeUp"],
  killing: ["exited"],
};
const examples: Readonly<Record<string, RunnerEvent>> = {
  run: { type: "run", sequence: 1, scripts: ["a"] },
  spawned: { type: "spawned", pid: 1 },
  spawnFailed: { type: "spawnFailed", reason: "r" },
  exited: { type: "exited", how: "exit 0" },
  others: { type: "others", count: 0 },
  timeUp: { type: "timeUp" },
};

for (const phase of RUNNER_PHASES) {
  Deno.test(`runnerStep takes in phase ${phase} what can happen there, and nothing else`, () => {
    for (const event of RUNNER_EVENTS) {
      const tell = (): unknown => runnerStep({ ...IDLE, phase }, examples[event], 0);
      if (possible[phase].includes(event)) tell();
      else assertThrows(tell, Error, `"${event}" cannot happen in phase "${phase}"`);
    }
  });
}
