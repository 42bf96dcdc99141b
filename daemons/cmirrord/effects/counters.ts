/** What is counted, and how long the kernel waited. */
import { type Counter, type Histogram, Metrics } from "../../../src/host/metrics.ts";
import { CONNECTOR_HEADER_BYTES } from "../../../src/wire/netlink.ts";
import type { Mirror } from "../mirror.ts";
import { DM_ULOG_REQUEST, REQUESTS, SET_REGION_SYNC, TYPE_MASK } from "../ulog.ts";

const SEQ_AT = CONNECTOR_HEADER_BYTES + DM_ULOG_REQUEST.at.seq;
const TYPE_AT = CONNECTOR_HEADER_BYTES + DM_ULOG_REQUEST.at.request_type;
/** Requests whose arrival is remembered, by the low bits of their number. */
const REMEMBERED = 4_096;
const LATENCIES_S = [0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 15];

const names: readonly string[] = REQUESTS.flatMap((kind) => kind === undefined ? [] : [kind.name]);

export class Counters {
  readonly metrics = new Metrics("cmirrord");
  readonly requests: Readonly<Record<string, Counter>> = this.metrics.counters("requests", {
    help: "Requests of the kernel by type",
    label: "type",
    values: names,
  });
  readonly #latency: Histogram = this.metrics.histogram("request_seconds", {
    help: "Time from a request of the kernel to its answer",
    unit: "seconds",
  }, LATENCIES_S);
  readonly resynced = this.metrics.counter("regions_resynced", {
    help: "Regions that this node has recovered",
  });
  readonly sent = this.metrics.counter("messages_sent", { help: "Messages sent to groups" });
  readonly refused = this.metrics.counter("messages_refused", {
    help: "Messages that corosync did not take at once",
  });
  readonly delivered = this.metrics.counter("messages_delivered", {
    help: "Messages that groups delivered",
  });
  readonly logWrites = this.metrics.counter("log_writes", { help: "Writes to log devices" });
  readonly logBytes = this.metrics.counter("log_written_bytes", {
    help: "Bytes written to log devices",
    unit: "bytes",
  });
  readonly notices = this.metrics.counter("notices", {
    help: "Things that were not as they should be",
  });
  readonly forged = this.metrics.counter("frames_forged", {
    help: "Frames on the kernel's socket that others than the kernel sent",
  });
  readonly overruns = this.metrics.counter("overruns", {
    help: "Times that the kernel's requests were lost for want of room",
  });
  readonly unsent = this.metrics.counter("answers_unsent", {
    help: "Answers that the kernel did not take",
  });
  readonly #byType = Array.from({ length: TYPE_MASK + 1 }, (_, type): Counter | undefined => {
    const kind = REQUESTS[type];
    return kind === undefined ? undefined : this.requests[kind.name];
  });
  readonly #arrivals = new Float64Array(REMEMBERED);

  constructor(mirrors: () => readonly Mirror[], private readonly now: () => number) {
    const sum = (value: (mirror: Mirror) => number): number =>
      mirrors().reduce((total, mirror) => total + value(mirror), 0);
    this.metrics.gauge("mirrors", { help: "Mirrors known" }, () => mirrors().length);
    this.metrics.gauge(
      "regions",
      { help: "Regions of all mirrors" },
      () => sum(({ log }) => log.regionCount),
    );
    this.metrics.gauge(
      "regions_in_sync",
      { help: "Regions in sync" },
      () => sum(({ log }) => log.sync.count),
    );
    this.metrics.gauge(
      "marks",
      { help: "Marks of all nodes" },
      () => sum(({ log }) => log.marks.size),
    );
    this.metrics.gauge(
      "requests_waiting",
      { help: "Requests that wait for a group" },
      () => sum(({ working }) => working.length),
    );
    this.metrics.gauge(
      "messages_waiting",
      { help: "Messages that corosync is yet to take" },
      () => sum(({ outbox }) => outbox.length),
    );
  }

  /** A frame of the kernel has come, at `nowMs`. */
  asked(view: DataView, length: number, nowMs: number): void {
    if (length < TYPE_AT + 4) return;
    const type = view.getUint32(TYPE_AT, true) & TYPE_MASK;
    this.#byType[type]?.add();
    if (type === SET_REGION_SYNC) this.resynced.add();
    this.#arrivals[view.getUint32(SEQ_AT, true) % REMEMBERED] = nowMs;
  }

  /** An answer goes to the kernel. */
  answered(bytes: Uint8Array, length: number): void {
    if (length < TYPE_AT + 4) return;
    const at = SEQ_AT;
    const seq = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16;
    const slot = seq % REMEMBERED;
    const arrived = this.#arrivals[slot];
    if (arrived === 0) return;
    this.#arrivals[slot] = 0;
    this.#latency.observe((this.now() - arrived) / 1_000);
  }
}
