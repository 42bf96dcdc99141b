import { assertEquals } from "@std/assert";
import {
  flapHoldMs,
  flapsAfterFailure,
  type History,
  holdOf,
  pauseMs,
  type Policy,
} from "../../../daemons/mdmpd/backoff.ts";
import {
  FLAP_FORGIVEN_MS,
  FLAP_HOLD_MAX_MS,
  FLAP_WINDOW_MS,
  MEMBER_RETRIES,
  URGENT_INTERVAL_MS,
} from "../../../daemons/mdmpd/limits.ts";

const policy: Policy = {
  intervalMs: 15_000,
  operatorHoldMs: 600_000,
  standbyIntervalMs: 0,
  dryRun: false,
};
const failed: History = {
  failedMs: 1_000,
  backMs: undefined,
  flaps: 0,
  returns: 0,
  faultSeen: true,
};

Deno.test("pauseMs is the interval, and short while nothing else works", () => {
  assertEquals(pauseMs(policy, true), 15_000);
  assertEquals(pauseMs(policy, false), URGENT_INTERVAL_MS);
  assertEquals(pauseMs({ ...policy, intervalMs: 1_000 }, false), 1_000);
});

Deno.test("flapsAfterFailure counts failures soon after a return, and forgives in time", () => {
  const back = { ...failed, backMs: 0, flaps: 2 };
  assertEquals(flapsAfterFailure(failed, 5_000), 0);
  assertEquals(flapsAfterFailure(back, FLAP_WINDOW_MS - 1), 3);
  assertEquals(flapsAfterFailure(back, FLAP_WINDOW_MS), 2);
  assertEquals(flapsAfterFailure(back, FLAP_FORGIVEN_MS), 0);
});

Deno.test("flapHoldMs doubles up to its bound", () => {
  assertEquals([0, 1, 2, 3].map((flaps) => flapHoldMs(policy, flaps)), [
    0,
    30_000,
    60_000,
    120_000,
  ]);
  assertEquals(flapHoldMs(policy, 50), FLAP_HOLD_MAX_MS);
});

Deno.test("holdOf lets a path with a real fault back at once", () => {
  assertEquals(holdOf(failed, policy, true, true, 1_000), undefined);
});

Deno.test("holdOf keeps a path waiting that never failed a test, for as long as is set", () => {
  const byHand = { ...failed, faultSeen: false };
  assertEquals(holdOf(byHand, policy, true, true, 2_000)?.untilMs, 601_000);
  assertEquals(holdOf(byHand, policy, true, true, 601_000), undefined);
  assertEquals(holdOf(byHand, { ...policy, operatorHoldMs: 0 }, true, true, 1_001), undefined);
  const never = { ...policy, operatorHoldMs: Infinity };
  assertEquals(holdOf(byHand, never, true, true, 1e12)?.untilMs, Infinity);
});

Deno.test("holdOf keeps nothing back from an array that has no path left", () => {
  const flapping = { ...failed, faultSeen: false, flaps: 5 };
  assertEquals(holdOf(flapping, policy, true, false, 2_000), undefined);
  assertEquals(holdOf(flapping, policy, true, true, 2_000)?.untilMs, 601_000);
});

Deno.test("holdOf leaves a member to the administrator that was failed by hand or returned too often", () => {
  const byHand = { ...failed, faultSeen: false };
  assertEquals(holdOf(byHand, policy, false, false, 1e12)?.untilMs, Infinity);
  const often = { ...failed, returns: MEMBER_RETRIES };
  assertEquals(holdOf(often, policy, false, true, 1e12)?.untilMs, Infinity);
  assertEquals(
    holdOf({ ...often, returns: MEMBER_RETRIES - 1 }, policy, false, true, 1e12),
    undefined,
  );
});
