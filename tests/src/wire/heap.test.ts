import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Due, Heap } from "../../../src/wire/heap.ts";

interface Item extends Due {
  readonly name: number;
}

function item(dueMs: number, name = 0): Item {
  return { dueMs, slot: -1, name };
}

function drain(heap: Heap<Item>): number[] {
  const times: number[] = [];
  for (let first = heap.peek(); first !== undefined; first = heap.peek()) {
    times.push(first.dueMs);
    heap.remove(first);
  }
  return times;
}

Deno.test("Heap gives items in the order in which they are due", () => {
  const heap = new Heap<Item>();
  for (const dueMs of [5, 3, 9, 3, -1, 7, 0.5]) heap.push(item(dueMs));
  assertEquals(heap.size, 7);
  assertEquals(drain(heap), [-1, 0.5, 3, 3, 5, 7, 9]);
  assertEquals(heap.size, 0);
});

Deno.test("Heap.remove leaves the heap alone when the item is not in it", () => {
  const heap = new Heap<Item>();
  const gone = item(1);
  heap.push(gone);
  heap.push(item(2));
  heap.remove(gone);
  heap.remove(gone);
  heap.remove(item(2));
  assertEquals(gone.slot, -1);
  assertEquals(drain(heap), [2]);
});

Deno.test("an item that was removed can be pushed again", () => {
  const heap = new Heap<Item>();
  const again = item(4);
  heap.push(again);
  heap.push(item(3));
  heap.remove(again);
  again.dueMs = 2;
  heap.push(again);
  assertEquals(drain(heap), [2, 3]);
});

type Action = { push: number } | { removeNth: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ push: fc.nat(20) }),
  fc.record({ removeNth: fc.nat(30) }),
);

/** Does the action to the heap and to a plain list of what should be in it. */
function perform(heap: Heap<Item>, list: Item[], action: Action): void {
  if ("push" in action) {
    const added = item(action.push, list.length);
    heap.push(added);
    list.push(added);
    return;
  }
  const [removed] = list.splice(action.removeNth, 1);
  if (removed !== undefined) heap.remove(removed);
}

Deno.test("Heap holds what a plain list would, and its head is always one that is due first", () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200, size: "max" }), (actions) => {
      const heap = new Heap<Item>();
      const list: Item[] = [];
      for (const one of actions) {
        perform(heap, list, one);
        assertEquals(heap.size, list.length);
        const earliest = Math.min(...list.map(({ dueMs }) => dueMs));
        assertEquals(heap.peek()?.dueMs ?? Infinity, earliest);
        const slots = list.map(({ slot }) => slot).sort((a, b) => a - b);
        assertEquals(slots, list.map((_, i) => i));
      }
      const times = list.map(({ dueMs }) => dueMs).sort((a, b) => a - b);
      assertEquals(drain(heap), times);
    }),
    { seed: 14, numRuns: 300 },
  );
});
