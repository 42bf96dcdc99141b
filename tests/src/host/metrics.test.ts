import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Metrics } from "../../../src/host/metrics.ts";

Deno.test("Metrics.text writes OpenMetrics", () => {
  const metrics = new Metrics("virtlockd");
  metrics.counter("accepts", { help: 'Connections "taken"' }).add(3);
  const calls = metrics.counters("calls", {
    help: "Calls by result",
    label: "result",
    values: ["ok", 'a"b\\c'],
  });
  calls.ok.add();
  let locks = 5;
  metrics.gauge("locks", { help: "Locks held" }, () => locks);
  const size = metrics.gauge("state_bytes", { help: "Size", unit: "bytes" });
  size.set(10);
  size.add(-2.5);
  const turn = metrics.histogram("turn_seconds", { help: "Turns", unit: "seconds" }, [0.5, 1, 2]);
  for (const value of [0.1, 0.5, 1.5, 9]) turn.observe(value);
  locks = 6;
  assertEquals(
    metrics.text(),
    `# TYPE virtlockd_accepts counter
# HELP virtlockd_accepts Connections \\"taken\\"
virtlockd_accepts_total 3
# TYPE virtlockd_calls counter
# HELP virtlockd_calls Calls by result
virtlockd_calls_total{result="ok"} 1
virtlockd_calls_total{result="a\\"b\\\\c"} 0
# TYPE virtlockd_locks gauge
# HELP virtlockd_locks Locks held
virtlockd_locks 6
# TYPE virtlockd_state_bytes gauge
# UNIT virtlockd_state_bytes bytes
# HELP virtlockd_state_bytes Size
virtlockd_state_bytes 7.5
# TYPE virtlockd_turn_seconds histogram
# UNIT virtlockd_turn_seconds seconds
# HELP virtlockd_turn_seconds Turns
virtlockd_turn_seconds_bucket{le="0.5"} 2
virtlockd_turn_seconds_bucket{le="1.0"} 2
virtlockd_turn_seconds_bucket{le="2.0"} 3
virtlockd_turn_seconds_bucket{le="+Inf"} 4
virtlockd_turn_seconds_sum 11.1
virtlockd_turn_seconds_count 4
# EOF
`,
  );
});

Deno.test("Histogram counts every observation in the buckets at and above it", () => {
  const bounds = [1, 10, 100];
  const values = fc.array(fc.double({ noNaN: true, min: -10, max: 1_000 }));
  fc.assert(
    fc.property(values, (values) => {
      const histogram = new Metrics("x").histogram("h", { help: "" }, bounds);
      for (const value of values) histogram.observe(value);
      bounds.forEach((bound, i) => {
        assertEquals(histogram.countUpTo(i), values.filter((value) => value <= bound).length);
      });
      assertEquals(histogram.count, values.length);
      assertEquals(histogram.sum, values.reduce((sum, value) => sum + value, 0));
    }),
    { seed: 20_240_311 },
  );
});

Deno.test("Metrics refuses a wrong or repeated name, a missing unit, and more than its slots", () => {
  const metrics = new Metrics("x");
  metrics.counter("a", { help: "" });
  assertThrows(() => metrics.gauge("a", { help: "" }), TypeError, 'metric name "x_a"');
  assertThrows(() => metrics.gauge("B", { help: "" }), TypeError);
  assertThrows(() => metrics.gauge("b", { help: "", unit: "bytes" }), TypeError, '"bytes"');
  const bounds = Array.from({ length: 1_020 }, (_, i) => i);
  assertThrows(() => metrics.histogram("c", { help: "" }, bounds), RangeError);
});

Deno.test("counters of a label keep apart", () => {
  const values = ["a", "b", "c"] as const;
  const counters = new Metrics("x").counters("n", { help: "", label: "l", values });
  counters.a.add(2);
  counters.c.add();
  assertEquals(values.map((value) => counters[value].value), [2, 0, 1]);
});
