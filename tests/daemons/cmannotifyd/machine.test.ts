/** The story of a daemon, as the machine tells it. */
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { step } from "../../../daemons/cmannotifyd/machine.ts";
import {
  type Event,
  EVENT_TYPES,
  type EventType,
  type Phase,
  PHASES,
} from "../../../daemons/cmannotifyd/machine_state.ts";
import { MachineBench } from "./machine_bench.ts";

/** Connected, quorate with three nodes, no script running. */
function upBench(policy = {}, queueLimit = 100): MachineBench {
  const bench = new MachineBench(policy, queueLimit);
  bench.connect();
  bench.change(true, [1, 2, 3], [], []);
  bench.finish();
  return bench;
}

Deno.test("after connecting, scripts are told of the configuration and then of quorum", () => {
  const bench = new MachineBench();
  assertEquals(bench.connect(), ["probe", "connect"]);
  assertEquals(bench.change(true, [1, 2], [], []), [
    "info: connected to corosync, quorate",
    "run CONFIG_UPDATE initial",
  ]);
  assertEquals(bench.finish(), ["run STATECHANGE 1 initial"]);
});

Deno.test("each quorum report is one STATECHANGE, also one that changes nothing", () => {
  const bench = upBench();
  assertEquals(bench.change(true, [1, 2], [], [3]), ["run STATECHANGE 1 -3"]);
  assertEquals(bench.change(false, [1], [], [2]), []);
  assertEquals(bench.change(false, [1], [2], [2]), []);
  assertEquals(bench.finish(), ["run STATECHANGE 0 -2", "run STATECHANGE 0 +2 -2"]);
});

Deno.test("a flip of quorum without a change of membership joins and leaves nobody", () => {
  const bench = upBench();
  bench.change(true, [1, 2], [], [3]);
  bench.finish();
  const event: Event = { type: "quorum", quorate: false, ring: "1.f4248", members: [1, 2] };
  assertEquals(bench.tell(event), ["run STATECHANGE 0"]);
});

Deno.test("without a provider, each nodelist report is one STATECHANGE", () => {
  const bench = new MachineBench();
  bench.connect(false);
  const nodelist = {
    type: "nodelist",
    ring: "1.5",
    members: [1, 2],
    joined: [],
    left: [],
  } as const;
  bench.tell(nodelist, { type: "quorum", quorate: true, ring: "0.0", members: [] });
  bench.finish();
  assertEquals(bench.state.members, [1, 2]);
  const loss: Event = { type: "nodelist", ring: "1.9", members: [1], joined: [], left: [2] };
  assertEquals(bench.tell(loss), ["run STATECHANGE 1 -2"]);
});

Deno.test("a good reload is one CONFIG_UPDATE, a refused one none", () => {
  const bench = upBench();
  assertEquals(bench.tell({ type: "reloaded" }), ["run CONFIG_UPDATE"]);
  bench.finish();
  assertEquals(bench.tell({ type: "reloadStatus", status: 7 }, { type: "reloaded" }), [
    "warn: corosync refused its new configuration (status 7): no notification",
  ]);
  assertEquals(bench.tell({ type: "reloadStatus", status: 1 }, { type: "reloaded" }), [
    "run CONFIG_UPDATE",
  ]);
});

Deno.test("a shutdown is agreed to before anything else, also while scripts run", () => {
  const bench = upBench();
  bench.tell({ type: "reloaded" });
  assertEquals(bench.tell({ type: "shutdown", flags: 0 }), ["agree"]);
  assertEquals(bench.finish(), ["run TRY_SHUTDOWN"]);
});

Deno.test("after a reconnect, what changed meanwhile is told once", () => {
  const bench = upBench();
  assertEquals(bench.tell({ type: "lost", reason: "gone" }), [
    "disconnect",
    "retry 100",
    "warn: corosync cannot be reached, it is tried again until it can: gone",
  ]);
  bench.connect();
  bench.change(false, [1, 4], [], []);
  assertEquals(bench.finish(), ["run STATECHANGE 0 +4 -2 -3 initial"]);
});

Deno.test("startPair off: nothing at the start, after a reconnect only what changed", () => {
  const bench = upBench({ startPair: false });
  assertEquals(bench.state.sequence, 0);
  const reconnect = (quorate: boolean, members: number[]): string[] => {
    bench.tell({ type: "lost", reason: "gone" });
    bench.connect();
    return bench.change(quorate, members, [], []).slice(1);
  };
  assertEquals(reconnect(true, [1, 2, 3]), []);
  assertEquals(reconnect(false, [1]), ["run STATECHANGE 0 -2 -3 initial"]);
});

Deno.test("attempts to reach corosync come ever less often, and are mentioned once", () => {
  const bench = new MachineBench();
  const attempt = (): string[] =>
    bench.tell(
      { type: "retryDue" },
      { type: "probed", result: "refused" },
      { type: "connectFailed", reason: "nobody" },
    ).slice(2);
  assertMatch(attempt()[2], /^warn: corosync cannot be reached/);
  const pauses = Array.from({ length: 5 }, () => attempt());
  assertEquals(pauses, [200, 400, 800, 1_000, 1_000].map((ms) => ["disconnect", `retry ${ms}`]));
});

Deno.test("a stopped corosync is not connected to, which could wait for ever", () => {
  const bench = new MachineBench();
  bench.tell({ type: "retryDue" });
  assertEquals(bench.tell({ type: "probed", result: "silent" })[0], "retry 100");
  assertEquals(bench.state.phase, "down");
});

Deno.test("startAttempts ends the daemon, but never one that has been connected", () => {
  const bench = new MachineBench({ startAttempts: 2 });
  const fail = (): string[] =>
    bench.tell(
      { type: "retryDue" },
      { type: "probed", result: "refused" },
      { type: "connectFailed", reason: "nobody" },
    );
  fail();
  assertEquals(fail().at(-1), "give up: cannot reach corosync in 2 attempts: nobody");
  const old = upBench({ startAttempts: 1 });
  assertEquals(old.tell({ type: "lost", reason: "gone" })[1], "retry 100");
});

Deno.test("a thousand events during one script wait in order, and the log says how many", () => {
  const bench = upBench({}, 2_000);
  bench.tell({ type: "reloaded" });
  const logged: string[] = [];
  for (let i = 0; i < 1_000; i++) logged.push(...bench.change(true, [1, 2, 3], [3], [3]));
  assertEquals(logged.length, 6); // at 16, 32, … 512
  assertEquals(bench.finish().length, 1_000);
});

Deno.test("a full queue says once that it merges, and then what a notification stands for", () => {
  const bench = upBench({}, 1);
  const reloaded: Event = { type: "reloaded" };
  bench.tell(reloaded, reloaded);
  assertEquals(bench.tell(reloaded, reloaded, reloaded), [
    "warn: queue full: from notification 5 on, they are merged",
  ]);
  assertEquals(bench.finish(), [
    "warn: notification 7 stands for 3 older ones, too",
    "run CONFIG_UPDATE",
  ]);
  bench.tell(reloaded, reloaded);
  assertMatch(bench.tell(reloaded)[0], /^warn: queue full: /);
});

const examples: Readonly<Record<EventType, Event>> = {
  retryDue: { type: "retryDue" },
  probed: { type: "probed", result: "answered" },
  connected: { type: "connected", hasProvider: true },
  connectFailed: { type: "connectFailed", reason: "r" },
  lost: { type: "lost", reason: "r" },
  quorum: { type: "quorum", quorate: true, ring: "1.1", members: [1] },
  nodelist: { type: "nodelist", ring: "1.1", members: [1], joined: [], left: [] },
  reloadStatus: { type: "reloadStatus", status: 1 },
  reloaded: { type: "reloaded" },
  shutdown: { type: "shutdown", flags: 0 },
  scriptsDone: { type: "scriptsDone", sequence: 1 },
};

/** What no order of events leads to. */
const impossible: Readonly<Record<Phase, readonly EventType[]>> = {
  down: ["probed", "connected", "connectFailed"],
  probing: ["retryDue", "connected", "connectFailed"],
  connecting: ["retryDue", "probed", "lost"],
  reporting: ["retryDue", "probed", "connected", "connectFailed"],
  up: ["retryDue", "probed", "connected", "connectFailed"],
};

for (const phase of PHASES) {
  Deno.test(`step has a cell for every event in phase ${phase}`, () => {
    for (const type of EVENT_TYPES) {
      const { state } = upBench();
      state.phase = phase;
      if (type === "scriptsDone") step(state, examples.shutdown, 0);
      if (type === "scriptsDone" && state.running === undefined) continue;
      const event = type === "scriptsDone" && state.running !== undefined
        ? { type, sequence: state.running.sequence } as const
        : examples[type];
      if (!impossible[phase].includes(type)) step(state, event, 0);
      else assertThrows(() => step(state, event, 0), Error, "cannot happen");
    }
  });
}

const anyEvent = fc.oneof(
  fc.constantFrom(...EVENT_TYPES).map((type) => examples[type]),
  fc.record({
    type: fc.constant("quorum" as const),
    quorate: fc.boolean(),
    ring: fc.constantFrom("1.1", "2.1"),
    members: fc.uniqueArray(fc.integer({ min: 1, max: 5 })),
  }),
  fc.constantFrom<Event>(
    { type: "probed", result: "silent" },
    { type: "probed", result: "refused" },
    { type: "connected", hasProvider: false },
    { type: "reloadStatus", status: 7 },
  ),
);

Deno.test("whatever happens, invariants hold, and no two notifications run at a time, nor one twice", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 120 }), fc.boolean(), (events, startPair) => {
      const bench = new MachineBench({ startPair }, 5);
      const ran = new Set<number>();
      for (const event of events) {
        const { running } = bench.state;
        const told = event.type === "scriptsDone"
          ? running === undefined ? undefined : { ...event, sequence: running.sequence }
          : impossible[bench.state.phase].includes(event.type)
          ? undefined
          : event;
        if (told === undefined) continue;
        const lines = bench.tell(told);
        const runs = lines.filter((line) => line.startsWith("run "));
        assertEquals(runs.length <= 1, true, "two notifications at a time");
        if (runs.length === 0) continue;
        const now = bench.state.running?.sequence ?? 0;
        assertEquals(ran.has(now), false, "a notification runs twice");
        ran.add(now);
      }
    }),
    { seed: 5_4, numRuns: 1_000 },
  );
});
