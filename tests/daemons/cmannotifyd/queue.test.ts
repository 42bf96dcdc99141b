import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Notification } from "../../../daemons/cmannotifyd/notification.ts";
import { REASONS } from "../../../daemons/cmannotifyd/notification.ts";
import { NotificationQueue } from "../../../daemons/cmannotifyd/queue.ts";

function change(sequence: number, joined: number[] = [], left: number[] = []): Notification {
  const common = { sequence, timeMs: 0, initial: false, merged: 0, members: [] };
  return { ...common, reason: "STATECHANGE", joined, left, quorate: sequence % 2 === 0 };
}

Deno.test("a queue gives back what it was given, in order", () => {
  const queue = new NotificationQueue(10);
  for (let i = 1; i <= 10; i++) assertEquals(queue.push(change(i)), "queued");
  assertEquals(Array.from({ length: 10 }, () => queue.shift()?.sequence), [
    ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  ]);
  assertEquals(queue.shift(), undefined);
});

Deno.test("a full queue keeps the last state, and who joined and left on the way to it", () => {
  const queue = new NotificationQueue(1);
  queue.push({ ...change(1, [3], []), quorateBefore: false });
  assertEquals(queue.push({ ...change(2, [], [1]), quorateBefore: true }), "merged");
  assertEquals(queue.push(change(4, [1, 2], [])), "merged");
  assertEquals(queue.length, 1);
  assertEquals(queue.shift(), {
    ...change(4, [1, 2, 3], [1]),
    quorateBefore: false,
    merged: 2,
  });
});

Deno.test("the first change of all has nothing before it when it stands for a second one, either", () => {
  const queue = new NotificationQueue(1);
  queue.push(change(1));
  queue.push({ ...change(2), quorateBefore: false });
  assertEquals(queue.shift(), { ...change(2), merged: 1 });
});

Deno.test("a full queue takes the first of each kind all the same", () => {
  const queue = new NotificationQueue(1);
  queue.push(change(1));
  assertEquals(queue.push({ ...change(2), reason: "TRY_SHUTDOWN" }), "queued");
  assertEquals(queue.push({ ...change(3), reason: "TRY_SHUTDOWN" }), "merged");
  assertEquals(queue.length, 2);
});

Deno.test("isReportDue says so at 16 and at each doubling", () => {
  const queue = new NotificationQueue(1_000);
  const reported: number[] = [];
  for (let i = 1; i <= 200; i++) {
    queue.push(change(i));
    if (queue.isReportDue()) reported.push(queue.length);
  }
  assertEquals(reported, [16, 32, 64, 128]);
});

Deno.test("whatever is pushed and shifted, nothing is lost but what something stands for", () => {
  const operation = fc.oneof(fc.constantFrom(...REASONS), fc.constant("shift" as const));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), fc.integer({ min: 1, max: 6 }), (
      operations,
      limit,
    ) => {
      const queue = new NotificationQueue(limit);
      let pushed = 0;
      let accounted = 0;
      let last = 0;
      const take = (): void => {
        const item = queue.shift();
        if (item === undefined) return;
        accounted += 1 + item.merged;
        last = Math.max(last, item.sequence);
      };
      for (const one of operations) {
        if (one === "shift") take();
        else queue.push({ ...change(++pushed), reason: one });
        assertEquals(queue.length <= limit + 2, true);
      }
      while (queue.length > 0) take();
      assertEquals([accounted, last], [pushed, pushed]);
    }),
    { seed: 5_2, numRuns: 3_000 },
  );
});
