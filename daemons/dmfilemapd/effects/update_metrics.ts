/** What the daemon counts. */
import { type Counter, type Histogram, Metrics } from "../../../src/host/metrics.ts";
import { manifest } from "../manifest.ts";

/** Upper ends of the buckets for an update's time, in seconds. */
const UPDATE_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];

export interface UpdateMetrics {
  readonly all: Metrics;
  readonly looks: Counter;
  readonly updates: Counter;
  readonly created: Counter;
  readonly deleted: Counter;
  readonly lists: Counter;
  readonly wakes: Counter;
  readonly seconds: Histogram;
  /** How long the last update took. */
  lastMs: number | undefined;
}

export function updateMetrics(): UpdateMetrics {
  const all = new Metrics(manifest.name);
  return {
    all,
    looks: all.counter("looks", { help: "Times the file's extents were read" }),
    updates: all.counter("updates", { help: "Updates that changed regions" }),
    created: all.counter("regions_created", { help: "Regions created for extents" }),
    deleted: all.counter("regions_deleted", { help: "Regions deleted with their extents" }),
    lists: all.counter("lists", { help: "Times the device's regions were listed" }),
    wakes: all.counter("inputs", { help: "Times that events of files or device-mapper were read" }),
    seconds: all.histogram(
      "update_seconds",
      { help: "Time from reading the extents to the last region changed", unit: "seconds" },
      UPDATE_BOUNDS,
    ),
    lastMs: undefined,
  };
}
