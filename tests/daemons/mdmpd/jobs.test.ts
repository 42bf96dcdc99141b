/** From what the machine wants to jobs, and from answers to events. */
import { assertEquals } from "@std/assert";
import { eventOf } from "../../../daemons/mdmpd/effects/jobs.ts";

Deno.test("eventOf says of a restoration without an end that the path may be in nobody's list", () => {
  const silent = { id: 1, type: "hung", reason: "no answer", unbound: true } as const;
  assertEquals(eventOf(silent), { type: "hung", reason: "no answer", unbound: true });
  assertEquals(eventOf({ ...silent, untested: true }), {
    type: "hung",
    reason: "no answer",
    untested: true,
    unbound: true,
  });
});

Deno.test("eventOf keeps silent about the list where the answer does", () => {
  assertEquals(eventOf({ id: 1, type: "dead", reason: "gone" }), { type: "dead", reason: "gone" });
  assertEquals(eventOf({ id: 1, type: "proven", name: "sdb" }), { type: "proven", name: "sdb" });
  assertEquals(eventOf({ id: 1, type: "learned", learned: [] }), undefined);
});
