/** The daemon's counters, for the control socket. Values are read when somebody asks. */
import { Metrics } from "../../../src/host/metrics.ts";
import { EVENTS } from "../events.ts";
import type { Core } from "./core.ts";
import type { Hook } from "./hook.ts";
import type { Reporter } from "./reporter.ts";

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter, at) => (at === 0 ? "" : "_") + letter.toLowerCase());
}

export function pathMetrics(core: Core, reporter: Reporter, hook: Hook | undefined): Metrics {
  const metrics = new Metrics("mdmpd");
  const { machine, children } = core;
  const paths = (phase: string): number =>
    [...machine.arrays.values()].flatMap((array) => [...array.paths.values()])
      .filter((path) => path.phase === phase).length;
  metrics.gauge("arrays", { help: "Arrays looked after" }, () => machine.arrays.size);
  for (
    const phase of [
      ...["active", "checking", "failed", "probing", "hung", "held", "refused", "restoring"],
    ]
  ) {
    metrics.gauge(`paths_${phase}`, { help: `Paths that are ${phase}` }, () => paths(phase));
  }
  metrics.gauge("looks", { help: "Times that md was looked at" }, () => core.looks);
  metrics.gauge("testers", { help: "Testing processes" }, () => children.present);
  metrics.gauge("testers_started", { help: "Testing processes started" }, () => children.started);
  metrics.gauge(
    "testers_stuck",
    { help: "Testing processes that hang in the kernel" },
    () => children.stuck,
  );
  metrics.gauge("jobs", { help: "Tests and restorations under way" }, () => children.waiting);
  for (const { name } of EVENTS) {
    const help = `Events ${name}`;
    metrics.gauge(`events_${snakeCase(name)}`, { help }, () => reporter.counts.get(name) ?? 0);
  }
  metrics.gauge(
    "events_dropped",
    { help: "Events that the event program was not run for" },
    () => hook?.dropped ?? 0,
  );
  return metrics;
}
