import { assertEquals } from "@std/assert";
import { WAKE_REQUESTS } from "../../../daemons/cmirrord/limits.ts";
import { LostRequests } from "../../../daemons/cmirrord/lost_requests.ts";

function watched(): { lost: LostRequests; woken: [number, number][] } {
  const woken: [number, number][] = [];
  return { lost: new LostRequests((first, count) => woken.push([first, count])), woken };
}

Deno.test("LostRequests asks for the gaps that an overrun left, and for what may be behind the last one", () => {
  const { lost, woken } = watched();
  for (const seq of [5, 6]) lost.seen(seq);
  lost.overrun();
  for (const seq of [7, 8, 11, 12]) lost.seen(seq);
  assertEquals(woken, [[9, 2]]);
  lost.drained();
  assertEquals(woken, [[9, 2], [13, WAKE_REQUESTS]]);
});

Deno.test("LostRequests asks for nothing where nothing was lost, though numbers are missing", () => {
  const { lost, woken } = watched();
  // Those of a kernel that asked another daemon.
  for (const seq of [5, 6, 400]) lost.seen(seq);
  lost.drained();
  assertEquals(woken, []);
});

Deno.test("LostRequests looks for gaps until all was read, and not further", () => {
  const { lost, woken } = watched();
  lost.seen(0);
  lost.overrun();
  lost.drained();
  lost.seen(9);
  assertEquals(woken, [[1, WAKE_REQUESTS]]);
});

Deno.test("LostRequests follows numbers over their end, and no more of them than are woken at a start", () => {
  const { lost, woken } = watched();
  lost.seen(0xffff_fffe);
  lost.overrun();
  lost.seen(1);
  lost.seen(0);
  lost.seen(100_000);
  assertEquals(woken, [[0xffff_ffff, 2], [2, WAKE_REQUESTS]]);
});

Deno.test("LostRequests asks for nothing before the first request", () => {
  const { lost, woken } = watched();
  lost.overrun();
  lost.drained();
  lost.seen(3);
  assertEquals(woken, []);
});
