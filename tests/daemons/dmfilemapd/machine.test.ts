import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type Action,
  type Event,
  type EventType,
  initialState,
  invariants,
  isPossible,
  type Phase,
  type Settings,
  type State,
  step,
  type TimerName,
} from "../../../daemons/dmfilemapd/machine.ts";

const INODE: Settings = { mode: "inode", updateIntervalMs: 25, checkIntervalMs: 10_000 };
const PATH: Settings = { ...INODE, mode: "path" };

const LOOKED = {
  type: "looked",
  outcome: "mapped",
  unsettled: false,
  mayMove: false,
  changed: false,
  more: false,
  writer: false,
  tookMs: 1,
} as const;

/** The actions as short words. */
function words(actions: readonly Action[]): string[] {
  return actions.map((action) => {
    switch (action.do) {
      case "work":
        return action.work;
      case "arm":
        return `${action.timer} ${action.ms}`;
      case "cancel":
        return `no ${action.timer}`;
      case "note":
        return action.note;
      case "end":
        return `end: ${action.why}`;
      default:
        return action.do;
    }
  });
}

/** A machine at a time. */
class Bench {
  readonly state: State;
  nowMs = 1_000;

  constructor(settings: Settings) {
    this.state = initialState(settings);
  }

  on(event: Event): string[] {
    return words(step(this.state, event, this.nowMs));
  }

  timer(timer: TimerName): string[] {
    return this.on({ type: "timer", timer });
  }
}

Deno.test("the first change after a pause is looked at at once, the next one after a rest", () => {
  const bench = new Bench(INODE);
  assertEquals(bench.on({ type: "changed" }), ["pause", "look"]);
  assertEquals(bench.on({ ...LOOKED, changed: true }), ["rest 25"]);
  assertEquals(bench.timer("rest"), ["resume"]);
  assertEquals(bench.on({ type: "changed" }), ["pause", "look"]);
  assertEquals(bench.on(LOOKED), ["rest 5"]);
  assertEquals(bench.timer("check"), []);
  assertEquals(bench.timer("rest"), ["look"]);
});

Deno.test("a rest is as long as the work was hard, within bounds", () => {
  const bench = new Bench(INODE);
  bench.on({ type: "changed" });
  assertEquals(bench.on({ ...LOOKED, changed: true, tookMs: 100 }), ["rest 400"]);
  bench.timer("rest");
  bench.on({ type: "changed" });
  assertEquals(bench.on({ ...LOOKED, changed: true, tookMs: 5_000 }), ["rest 500"]);
});

Deno.test("nothing is armed while a file that nobody can write to lies still", () => {
  const bench = new Bench(INODE);
  bench.on({ type: "asked" });
  assertEquals(bench.on({ type: "listed", present: true, tookMs: 1 }), ["look"]);
  assertEquals(bench.on(LOOKED), ["rest 5"]);
  assertEquals(bench.timer("rest"), ["resume"]);
});

Deno.test("while somebody may write through a mapping the file is looked at now and then", () => {
  const bench = new Bench(INODE);
  assertEquals(bench.on({ type: "opened" }), ["pause", "probe"]);
  const armed = bench.on({ type: "probed", writer: true, tookMs: 0 });
  assertEquals(armed, ["check 10000", "rest 5"]);
  bench.timer("rest");
  assertEquals(bench.timer("check"), ["pause", "look"]);
  assertEquals(bench.on({ ...LOOKED, writer: true }), ["check 10000", "rest 5"]);
  bench.timer("rest");
  bench.on({ type: "changed" });
  assertEquals(bench.on(LOOKED), ["no check", "rest 5"]);
});

Deno.test("whoever opens the file at a path has it looked at: the watch that is set anew has missed what he wrote", () => {
  const bench = new Bench(PATH);
  assertEquals(bench.on({ type: "opened" }), ["pause", "look"]);
  assertEquals(bench.on(LOOKED), ["rest 5"]);
  assertEquals(bench.timer("rest"), ["resume"]);
});

Deno.test("data that wait to be allocated are looked for ever less often, until they are there", () => {
  const bench = new Bench(INODE);
  bench.on({ type: "changed" });
  const unsettled = { ...LOOKED, unsettled: true };
  assertEquals(bench.on(unsettled)[0], "settle 10");
  for (const [waitedMs, ms] of [[40, 10], [100, 25], [1_000, 250], [30_000, 500]]) {
    bench.timer("rest");
    bench.nowMs = 1_000 + waitedMs;
    assertEquals(bench.timer("settle"), ["pause", "look"]);
    assertEquals(bench.on(unsettled)[0], `settle ${ms}`);
  }
  bench.timer("rest");
  bench.on({ type: "changed" });
  assertEquals(bench.on(unsettled)[0], "settle 10", "a change begins anew");
  bench.timer("rest");
  bench.timer("settle");
  assertEquals(bench.on(LOOKED), ["no settle", "rest 5"]);
});

Deno.test("extents that may change without an event are looked at ever less often, until they are for good", () => {
  const bench = new Bench(PATH);
  const beyond = { ...LOOKED, mayMove: true };
  bench.on({ type: "changed" });
  assertEquals(bench.on(beyond), ["trim 20", "rest 5"]);
  for (const ms of [80, 320, 1_280, 5_120, 20_480, 81_920, 327_680, 1_310_720, 3_600_000]) {
    bench.timer("rest");
    assertEquals(bench.timer("trim"), ["pause", "look"]);
    assertEquals(bench.on(beyond), [`trim ${ms}`, "rest 5"]);
  }
  bench.timer("rest");
  bench.on({ type: "changed" });
  assertEquals(bench.on(beyond), ["trim 20", "rest 5"], "a change begins anew");
  bench.timer("rest");
  bench.timer("trim");
  assertEquals(bench.on(LOOKED), ["no trim", "rest 5"]);
});

Deno.test("a file without extents is forgiven for half a second", () => {
  const bench = new Bench(INODE);
  bench.on({ type: "changed" });
  assertEquals(bench.on({ ...LOOKED, outcome: "empty" }), ["empty 500", "rest 5"]);
  bench.timer("rest");
  bench.nowMs += 400;
  bench.on({ type: "changed" });
  assertEquals(bench.on(LOOKED), ["no empty", "rest 5"]);
  bench.timer("rest");
  bench.on({ type: "changed" });
  bench.on({ ...LOOKED, outcome: "empty" });
  bench.timer("rest");
  bench.nowMs += 500;
  assertEquals(bench.timer("empty"), ["pause", "look"]);
  assertEquals(bench.on({ ...LOOKED, outcome: "empty" }), ["dissolve", "end: empty"]);
});

Deno.test("a path without a file is forgiven for a second, and looked at ten times in it", () => {
  const bench = new Bench(PATH);
  const missing = { ...LOOKED, outcome: "missing" } as const;
  assertEquals(bench.on({ type: "moved" }), ["pause", "look"]);
  assertEquals(bench.on(missing), ["missing 100", "rest 5"]);
  bench.timer("rest");
  bench.nowMs += 900;
  bench.on({ type: "moved" });
  assertEquals(bench.on({ ...LOOKED, changed: true }), ["no missing", "rest 25"]);
  bench.timer("rest");
  bench.on({ type: "moved" });
  for (let looks = 0; looks < 10; looks++) {
    assertEquals(bench.on(missing), ["missing 100", "rest 5"], `look ${looks}`);
    bench.timer("rest");
    bench.nowMs += 100;
    assertEquals(bench.timer("missing"), ["pause", "look"]);
  }
  assertEquals(bench.on(missing), ["missing 100", "end: missing"]);
});

Deno.test("a file that is back at the last look is followed on, though no event told of it", () => {
  const bench = new Bench(PATH);
  bench.on({ type: "moved" });
  bench.on({ ...LOOKED, outcome: "missing" });
  bench.timer("rest");
  bench.nowMs += 1_000;
  bench.timer("missing");
  assertEquals(bench.on(LOOKED), ["no missing", "rest 5"]);
  bench.timer("rest");
});

Deno.test("an unlinked inode is followed until nobody else has it open", () => {
  const bench = new Bench(INODE);
  assertEquals(bench.on({ type: "moved" }), ["pause", "holders"]);
  const held = { type: "holdersSeen", links: 0, others: true } as const;
  assertEquals(bench.on(held), ["unlinked", "holders 20", "holders"]);
  for (const ms of [80, 320, 1_280, 5_120, 10_000, 10_000]) {
    assertEquals(bench.on(held), [`holders ${ms}`, "rest 5"]);
    bench.timer("rest");
    assertEquals(bench.timer("holders"), ["pause", "holders"]);
  }
  bench.on(held);
  bench.timer("rest");
  assertEquals(bench.on({ type: "closed" }), ["pause", "holders"]);
  assertEquals(bench.on(held), ["holders 20", "rest 5"]);
  bench.timer("rest");
  assertEquals(bench.timer("holders"), ["pause", "holders"]);
  assertEquals(bench.on({ ...held, others: false }), ["end: unlinked"]);
});

Deno.test("a reader that closes a file which has a name is nobody's business", () => {
  assertEquals(new Bench(INODE).on({ type: "closed" }), []);
});

Deno.test("the end of the group is the end of the daemon", () => {
  const bench = new Bench(INODE);
  assertEquals(bench.on({ type: "controlUsed" }), ["pause", "list"]);
  assertEquals(bench.on({ type: "listed", present: false, tookMs: 1 }), ["end: removed"]);
  const other = new Bench(INODE);
  other.on({ type: "changed" });
  other.on({ ...LOOKED, outcome: "gone" });
  assertEquals(other.timer("rest"), ["list"]);
});

Deno.test("regions are not listed more often than every 100 ms, nor for more than a tenth of the time", () => {
  const bench = new Bench(INODE);
  bench.on({ type: "controlUsed" });
  bench.on({ type: "listed", present: true, tookMs: 50 });
  bench.on(LOOKED);
  bench.timer("rest");
  bench.nowMs += 200;
  assertEquals(bench.on({ type: "controlUsed" }), ["list 300"]);
  assertEquals(bench.timer("list"), ["pause", "list"]);
});

Deno.test("work that is too much for one turn goes on in the next, however far apart updates are to be", () => {
  for (const [updateIntervalMs, restMs] of [[25, 25], [10, 10], [60_000, 25]]) {
    const bench = new Bench({ ...INODE, updateIntervalMs });
    bench.on({ type: "changed" });
    const part = { ...LOOKED, changed: true, more: true, tookMs: 900 };
    assertEquals(bench.on(part), [`rest ${restMs}`]);
    assertEquals(bench.timer("rest"), ["look"]);
    assertEquals(bench.on({ ...LOOKED, changed: true }), [`rest ${updateIntervalMs}`]);
  }
});

const TIMERS: readonly TimerName[] = [
  ...["rest", "settle", "trim", "check", "empty", "missing", "holders", "list"] as const,
];

const input: fc.Arbitrary<Event> = fc.oneof(
  fc.constantFrom<Event>(
    { type: "changed" },
    { type: "opened" },
    { type: "closed" },
    { type: "moved" },
    { type: "controlUsed" },
    { type: "asked" },
  ),
  fc.constantFrom(...TIMERS).map((timer): Event => ({ type: "timer", timer })),
);

function answerTo(work: string, dice: number, mode: string): Event {
  const bit = (n: number): boolean => (dice >> n & 1) === 1;
  if (work === "list") return { type: "listed", present: dice % 50 !== 0, tookMs: dice % 7 };
  if (work === "probe") return { type: "probed", writer: bit(0), tookMs: 0 };
  if (work === "holders") {
    return { type: "holdersSeen", links: mode === "path" || bit(0) ? 1 : 0, others: true };
  }
  const outcomes = mode === "path" ? ["mapped", "empty", "missing"] : ["mapped", "empty"];
  return {
    ...LOOKED,
    outcome: outcomes[dice % outcomes.length] as "mapped",
    unsettled: bit(3),
    changed: bit(4),
    more: bit(5),
    writer: bit(6),
    mayMove: bit(7),
  };
}

Deno.test("lookedLater has the look made again after the wait that it names, and ends nothing", () => {
  const state = initialState(PATH);
  step(state, { type: "asked" }, 0);
  const actions = step(state, { type: "lookedLater", waitMs: 250 }, 0);
  assertEquals(actions.filter(({ do: what }) => what === "arm" || what === "end"), [
    { do: "arm", timer: "rest", ms: 250 },
  ]);
  const [work] = step(state, { type: "timer", timer: "rest" }, 250)
    .filter((action) => action.do === "work");
  assertEquals(work, { do: "work", work: "look" });
});

Deno.test("whatever happens, the machine holds its invariants, and what is due is done", () => {
  const run = fc.array(fc.tuple(input, fc.nat(1e6), fc.nat(300)), { maxLength: 40 });
  fc.assert(
    fc.property(fc.constantFrom(INODE, PATH), run, (settings, events) => {
      const state = initialState(settings);
      const armed = new Set<string>();
      let nowMs = 0;
      for (const [event, dice, passedMs] of events) {
        nowMs += passedMs;
        if (event.type === "timer" && !armed.delete(event.timer)) continue;
        const queue: Event[] = [event];
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const works: string[] = [];
          for (const action of step(state, next, nowMs)) {
            if (action.do === "arm") armed.add(action.timer);
            if (action.do === "cancel") armed.delete(action.timer);
            if (action.do === "work") works.push(action.work);
          }
          assert(works.length <= 1);
          assertEquals(works.length === 1, state.phase === "working");
          for (const work of works) queue.push(answerTo(work, dice + queue.length, settings.mode));
        }
        assertEquals(invariants(state), []);
        if (state.phase === "resting") assert(armed.has("rest"), "a rest without an end");
      }
    }),
    { seed: 1, numRuns: 3000 },
  );
});

Deno.test("isPossible has every phase and event, and only answers while working", () => {
  const answers: EventType[] = [
    "looked",
    "lookedLater",
    "listed",
    "listFailed",
    "probed",
    "holdersSeen",
  ];
  const inputs: EventType[] = [
    ...[
      "changed",
      "opened",
      "closed",
      "moved",
      "controlUsed",
      "asked",
      "stopped",
      "timer",
    ] as const,
  ];
  const possible = (phase: Phase): EventType[] =>
    [...answers, ...inputs].filter((type) => isPossible(phase, type));
  assertEquals(possible("watching"), inputs);
  assertEquals(possible("resting"), inputs);
  assertEquals(possible("working"), answers);
  assertEquals(possible("ended"), []);
});
