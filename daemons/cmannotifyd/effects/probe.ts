/** Asks, without waiting, whether corosync takes connections at all. */
import { probe } from "../../../src/host/qb_probe.ts";
import type { Reactor } from "../../../src/host/reactor.ts";
import { ANSWER_MS } from "../limits.ts";
import type { Event } from "../machine_state.ts";

type Result = Extract<Event, { type: "probed" }>["result"];

/** Any of the services would do. */
const SERVICE = "cmap";

/** Calls `done` once, from the reactor. */
export function probeCorosync(reactor: Reactor, done: (result: Result) => void): void {
  probe(reactor, SERVICE, ANSWER_MS, done);
}
