import { assertEquals } from "@std/assert";
import { Counters } from "../../../daemons/cmannotifyd/effects/counters.ts";
import { initialState, step } from "../../../daemons/cmannotifyd/machine.ts";
import type { Event } from "../../../daemons/cmannotifyd/machine_state.ts";

const CONNECTS: Event[] = [
  { type: "retryDue" },
  { type: "probed", result: "answered" },
  { type: "connected", hasProvider: true },
  { type: "quorum", quorate: true, ring: "1.1", members: [1, 2, 3] },
];

Deno.test("the gauges of the cluster are 0 while there is no corosync that could tell of it", () => {
  const state = initialState({ startPair: true, startAttempts: 0 }, 10);
  const counters = new Counters();
  counters.watch(state);
  const gauges = (): string[] =>
    counters.metrics.text().match(/^cmannotifyd_(connected|quorate|members) \d+$/gm) ?? [];
  const none = ["connected 0", "quorate 0", "members 0"].map((text) => `cmannotifyd_${text}`);
  assertEquals(gauges(), none);
  for (const event of CONNECTS) step(state, event, 0);
  assertEquals(gauges(), [
    "cmannotifyd_connected 1",
    "cmannotifyd_quorate 1",
    "cmannotifyd_members 3",
  ]);
  step(state, { type: "lost", reason: "it is gone" }, 0);
  assertEquals(gauges(), none);
});
