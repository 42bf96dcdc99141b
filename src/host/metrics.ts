/**
 * Metrics, and their text in the OpenMetrics format (OpenMetrics 1.0).
 *
 * All values of a registry sit in one preallocated array, and a metric knows its slot: counting is one addition and allocates
 * nothing. Metrics are made at start-up; a label's values are listed then, too, so that no peer can make the set grow.
 */

/** How many numbers a registry holds: a counter or gauge takes one for each label value, a histogram one a bucket and two. */
const SLOTS = 1_024;

type Kind = "counter" | "gauge" | "histogram";

interface Family {
  readonly name: string;
  readonly kind: Kind;
  readonly help: string;
  readonly unit: string | undefined;
  /** Brings the values up to date before they are read. */
  readonly refresh: (() => void) | undefined;
  /** Appends the sample lines. */
  readonly print: (lines: string[]) => void;
}

/** A value that only grows. */
export class Counter {
  constructor(private readonly slots: Float64Array, private readonly slot: number) {}

  add(amount = 1): void {
    this.slots[this.slot] += amount;
  }

  get value(): number {
    return this.slots[this.slot];
  }
}

/** A value that goes up and down. */
export class Gauge {
  constructor(private readonly slots: Float64Array, private readonly slot: number) {}

  set(value: number): void {
    this.slots[this.slot] = value;
  }

  add(amount: number): void {
    this.slots[this.slot] += amount;
  }

  get value(): number {
    return this.slots[this.slot];
  }
}

/** Counts observations by size. */
export class Histogram {
  /** Slots: one for each bound, one for what is above the last, the sum. */
  constructor(
    private readonly slots: Float64Array,
    private readonly slot: number,
    private readonly bounds: Float64Array,
  ) {}

  observe(value: number): void {
    const bounds = this.bounds;
    let bucket = 0;
    while (bucket < bounds.length && value > bounds[bucket]) bucket++;
    this.slots[this.slot + bucket]++;
    this.slots[this.slot + bounds.length + 1] += value;
  }

  get count(): number {
    let count = 0;
    for (let i = 0; i <= this.bounds.length; i++) count += this.slots[this.slot + i];
    return count;
  }

  get sum(): number {
    return this.slots[this.slot + this.bounds.length + 1];
  }

  /** Observations up to and including the bound of that index. */
  countUpTo(index: number): number {
    let count = 0;
    for (let i = 0; i <= index; i++) count += this.slots[this.slot + i];
    return count;
  }
}

export interface MetricOptions {
  readonly help: string;
  /** Such as `seconds` or `bytes`; the name must end with it. */
  readonly unit?: string;
}

/** The values of one label, known beforehand. */
export interface LabelOptions<Value extends string> extends MetricOptions {
  readonly label: string;
  readonly values: readonly Value[];
}

const NAME = /^[a-z][a-z0-9_]*$/;

/** The metrics of one daemon, and their OpenMetrics text. */
export class Metrics {
  readonly #slots = new Float64Array(SLOTS);
  readonly #families: Family[] = [];
  #used = 0;

  /** `prefix`: the daemon's name; every metric's name begins with it. */
  constructor(private readonly prefix: string) {}

  /** Throws RangeError when the slots are used up, TypeError for a wrong or repeated name. */
  counter(name: string, options: MetricOptions): Counter {
    const counter = new Counter(this.#slots, this.#take(1));
    this.#register(name, "counter", options, (lines, full) => {
      lines.push(`${full}_total ${counter.value}`);
    });
    return counter;
  }

  /** A counter for each value of a label. Throws as counter() does. */
  counters<Value extends string>(
    name: string,
    options: LabelOptions<Value>,
  ): Readonly<Record<Value, Counter>> {
    const { label, values } = options;
    const counters = values.map((): Counter => new Counter(this.#slots, this.#take(1)));
    this.#register(name, "counter", options, (lines, full) => {
      values.forEach((value, i) => {
        lines.push(`${full}_total{${label}="${escapeLabel(value)}"} ${counters[i].value}`);
      });
    });
    const entries = values.map((value, i): [Value, Counter] => [value, counters[i]]);
    return Object.fromEntries(entries) as Record<Value, Counter>;
  }

  /** `read`, when given, is asked for the value each time the metrics are. Throws as counter() does. */
  gauge(name: string, options: MetricOptions, read?: () => number): Gauge {
    const gauge = new Gauge(this.#slots, this.#take(1));
    const refresh = read === undefined ? undefined : (): void => gauge.set(read());
    this.#register(
      name,
      "gauge",
      options,
      (lines, full) => lines.push(`${full} ${gauge.value}`),
      refresh,
    );
    return gauge;
  }

  /** `bounds`: the buckets' upper ends, growing. Throws as counter() does. */
  histogram(name: string, options: MetricOptions, bounds: readonly number[]): Histogram {
    const slot = this.#take(bounds.length + 2);
    const histogram = new Histogram(this.#slots, slot, Float64Array.from(bounds));
    this.#register(name, "histogram", options, (lines, full) => {
      bounds.forEach((bound, i) => {
        lines.push(`${full}_bucket{le="${boundText(bound)}"} ${histogram.countUpTo(i)}`);
      });
      lines.push(`${full}_bucket{le="+Inf"} ${histogram.count}`);
      lines.push(`${full}_sum ${histogram.sum}`, `${full}_count ${histogram.count}`);
    });
    return histogram;
  }

  #take(count: number): number {
    const slot = this.#used;
    if (slot + count > SLOTS) throw new RangeError(`more than ${SLOTS} metric slots`);
    this.#used = slot + count;
    return slot;
  }

  #register(
    name: string,
    kind: Kind,
    options: MetricOptions,
    print: (lines: string[], full: string) => void,
    refresh?: () => void,
  ): void {
    const full = `${this.prefix}_${name}`;
    const { help, unit } = options;
    if (!NAME.test(full) || this.#families.some((family) => family.name === full)) {
      throw new TypeError(`metric name "${full}" is wrong or taken`);
    }
    if (unit !== undefined && !full.endsWith(`_${unit}`)) {
      throw new TypeError(`metric name "${full}" must end with its unit "${unit}"`);
    }
    const lines = (into: string[]): void => print(into, full);
    this.#families.push({ name: full, kind, help, unit, refresh, print: lines });
  }

  /** The values now, as `application/openmetrics-text; version=1.0.0`. */
  text(): string {
    const lines: string[] = [];
    for (const { name, kind, help, unit, refresh, print } of this.#families) {
      refresh?.();
      lines.push(`# TYPE ${name} ${kind}`);
      if (unit !== undefined) lines.push(`# UNIT ${name} ${unit}`);
      lines.push(`# HELP ${name} ${escapeLabel(help)}`);
      print(lines);
    }
    lines.push("# EOF", "");
    return lines.join("\n");
  }
}

/** OpenMetrics wants a bucket's bound as a float: 1.0, not 1. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : String(bound);
}

function escapeLabel(text: string): string {
  return text.replace(/[\\"\n]/g, (char) => char === "\n" ? "\\n" : `\\${char}`);
}
