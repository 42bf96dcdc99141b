/** From what the machine wants to jobs, and from answers to events. */
import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import { eventOf, pathJob } from "../../../daemons/mdmpd/effects/jobs.ts";
import type { ArrayState } from "../../../daemons/mdmpd/machine_state.ts";
import { DEAD, World } from "./machine_world.ts";

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

Deno.test("pathJob lets a path be bound without being listed only where it was half put back or lost", () => {
  const { machine } = new World().see("UU").see("UF").pass(100).tell("b", DEAD);
  const array = machine.arrays.get("md0") as ArrayState;
  const [path] = [...array.paths.values()].filter(({ name }) => name === "b");
  const target = { array: "md0", path: "b", ticket: 1 };
  const awaited = (change: object): unknown => {
    Object.assign(path, { unbound: false, lost: false }, change);
    const job = pathJob({ type: "restore", target, device: undefined }, array, new Map(), 1);
    return job.kind === "restore" && job.awaited;
  };
  assertEquals([{}, { unbound: true }, { lost: true }].map(awaited), [false, true, true]);
});
