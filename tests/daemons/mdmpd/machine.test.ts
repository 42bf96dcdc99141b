/** The machine, story by story. */
import { assertEquals } from "@std/assert";
import type { PathEvent } from "../../../daemons/mdmpd/machine_state.ts";
import { TABLE } from "../../../daemons/mdmpd/machine_table.ts";
import { arrayMemory, rememberOut, rememberPath } from "../../../daemons/mdmpd/memory.ts";
import { DEAD, FOREIGN, HUNG, PROVEN, RESTORED, sight, World } from "./machine_world.ts";

const hardware = { sectors: 100, readOnly: false, names: [] };

/** The world as the next daemon meets it, with the disks all there and what the last one has written down. */
function nextRun({ machine }: World): World {
  const next = new World();
  const states = machine.arrays.get("md0")?.paths ?? new Map();
  const array = arrayMemory(new Map(), "u0");
  for (const [name, { device, diskSequence }] of states) {
    rememberPath(array, name, { hardware, device, diskSequence });
    next.existing.add(name);
  }
  rememberOut(array, states);
  for (const [name, path] of array.paths) {
    if (path.faultSeen) next.faultsSeen.add(name);
    if (path.awaited) next.awaitedBefore.push({ name, ...path });
  }
  return next;
}

Deno.test("a healthy array has no test due, ever", () => {
  const world = new World().see("UUU");
  assertEquals([world.news(), world.machine.nextDueMs()], [[], Infinity]);
});

Deno.test("a path that failed is tested each interval, and put back when it is proven", () => {
  const world = new World().see("UUU").see("UFU");
  assertEquals(world.news(), ["Fail b"]);
  world.pass(100).tell("b", DEAD);
  assertEquals(world.news(), ["probe b", "PathProbeFailed b"]);
  for (let i = 0; i < 8; i++) {
    world.pass(14_999);
    assertEquals(world.news(), [], "not before the interval is over");
    world.pass(1).tell("b", DEAD);
    assertEquals(world.news(), ["probe b"]);
  }
  world.pass(15_000).tell("b", PROVEN);
  assertEquals(world.news(), ["probe b", "restore b"]);
  world.tell("b", RESTORED);
  assertEquals(world.news(), ["SpareActive b"]);
  assertEquals(world.see("UUU").machine.nextDueMs(), Infinity);
});

Deno.test("a foreign disk is said once and never touched, however often it is met", () => {
  const world = new World().see("UUU").see("UFU").pass(100).tell("b", DEAD);
  world.news();
  for (let i = 0; i < 3; i++) world.pass(15_000).tell("b", FOREIGN);
  assertEquals(world.news(), ["probe b", "PathRefused b", "probe b", "probe b"]);
  world.pass(15_000).tell("b", { type: "refused", reason: "its size is wrong" });
  assertEquals(world.news(), ["probe b", "PathRefused b"], "another reason is news");
  world.pass(15_000).tell("b", PROVEN);
  assertEquals(world.news(), ["probe b", "restore b"]);
});

Deno.test("a path that never failed a test waits as long as an operator may need", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", PROVEN);
  assertEquals(world.news(), ["Fail b", "probe b", "PathHeld b"]);
  for (let i = 0; i < 39; i++) world.pass(15_000).tell("b", PROVEN);
  assertEquals(world.news().includes("restore b"), false);
  world.pass(15_000).tell("b", PROVEN);
  assertEquals(world.news(), ["probe b", "restore b"]);
});

Deno.test("a held path that fails a test had a real fault, and comes back at the next good one", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", PROVEN);
  world.pass(15_000).tell("b", DEAD).pass(15_000).tell("b", PROVEN);
  assertEquals(world.news().at(-1), "restore b");
});

Deno.test("nothing waits when no path is left", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", PROVEN);
  world.news();
  world.pass(15_000);
  assertEquals(world.news(), ["probe a in use", "probe b"].toSorted());
  world.tell("a", DEAD);
  assertEquals(world.news(), ["LastPathSuspect a"]);
  world.tell("b", PROVEN);
  assertEquals(world.news(), ["restore b"]);
});

Deno.test("the last path is read while it is the only one, and no longer", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(14_900);
  assertEquals(world.news().filter((line) => line.includes("in use")), ["probe a in use"]);
  world.tell("a", DEAD).pass(3_000);
  assertEquals(world.news().filter((line) => line.includes("a")), [
    "LastPathSuspect a",
    "probe a in use",
  ]);
  world.tell("a", PROVEN);
  assertEquals(world.news().at(-1), "PathAnswers a");
  world.see("UU");
  assertEquals(world.machine.nextDueMs(), Infinity);
});

Deno.test("paths in reserve are read only where that is asked for", () => {
  const world = new World({ standbyIntervalMs: 60_000 }).see("UUU").pass(60_000);
  assertEquals(world.news(), ["probe b in use", "probe c in use"]);
  world.tell("b", DEAD).tell("c", PROVEN);
  assertEquals(world.news(), ["StandbyFailed b"]);
  world.pass(60_000).tell("b", PROVEN).tell("c", PROVEN);
  assertEquals(world.news(), ["probe b in use", "probe c in use", "PathAnswers b"]);
});

Deno.test("a path in reserve that was found dead had a real fault when the kernel finds out", () => {
  const world = new World({ standbyIntervalMs: 60_000 }).see("UU").pass(60_000).tell("b", DEAD);
  world.see("UF").pass(100).tell("b", PROVEN);
  assertEquals(world.news().at(-1), "restore b");
});

Deno.test("a path that hangs is tried twice, then waited for", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", HUNG);
  assertEquals(world.news(), ["Fail b", "probe b", "PathProbeFailed b"]);
  world.pass(15_000);
  assertEquals(world.news().includes("probe b alone"), true);
  world.tell("b", HUNG).tell("a", PROVEN).pass(600_000);
  assertEquals(world.news().filter((line) => line.includes("probe b")), []);
  world.tell("b", { type: "released" }).pass(0);
  assertEquals(world.news().includes("probe b"), true);
});

Deno.test("a test that did not come about says nothing of the path, and is repeated", () => {
  const untested: PathEvent = { type: "hung", reason: "no processes left", untested: true };
  const world = new World({ standbyIntervalMs: 60_000 }).see("UU").pass(60_000);
  world.tell("b", untested).see("UF").pass(100);
  assertEquals(world.path("b").suspectMs, undefined);
  for (let i = 0; i < 5; i++) world.tell("b", untested).pass(15_000);
  assertEquals([world.path("b").hangs, world.path("b").faultSeen], [0, false]);
  world.tell("b", FOREIGN).pass(15_000).tell("b", untested).pass(15_000).tell("b", FOREIGN);
  assertEquals(world.news().filter((line) => line === "PathRefused b").length, 1);
  world.pass(15_000).tell("b", DEAD).pass(15_000).tell("b", PROVEN);
  assertEquals(world.news().at(-1), "restore b");
});

Deno.test("a path that fails soon after its return waits ever longer, and is called flapping", () => {
  const world = new World();
  world.see("UU");
  const waits: number[] = [];
  for (let i = 0; i < 5; i++) {
    world.see("UF").pass(100).tell("b", DEAD);
    const failedMs = world.path("b").failedMs;
    while (world.path("b").phase !== "restoring") {
      world.pass(1_000);
      if (world.path("a").phase === "checking") world.tell("a", PROVEN);
      if (world.path("b").phase === "probing") world.tell("b", PROVEN);
    }
    waits.push(Math.round((world.nowMs - failedMs) / 15_000));
    world.tell("b", RESTORED).see("UU").pass(30_000);
  }
  assertEquals(waits, [1, 2, 4, 8, 16]);
  assertEquals(world.news().filter((line) => line.startsWith("PathFlapping")).length, 2);
});

Deno.test("what an operator removes is forgotten; what leaves the system is looked for", () => {
  const world = new World().see("UUF").pass(100);
  world.existing.add("b");
  world.see("U F");
  assertEquals(world.news().includes("PathRemoved b"), true);
  world.see("U  ");
  assertEquals(world.news().includes("PathLost c"), true);
  world.pass(20_000);
  assertEquals(world.news().includes("probe c search"), true);
  assertEquals([...world.machine.arrays.get("md0")?.paths.keys() ?? []], ["a", "c"]);
});

Deno.test("a lost path comes back under the name that its disk has now", () => {
  const world = new World().see("UU").see("UG").pass(20_000);
  assertEquals(world.news().includes("probe b search"), true);
  world.tell("b", { type: "proven", name: "z" });
  assertEquals(world.news(), ["restore b"]);
  world.tell("b", { type: "restored", name: "z" });
  assertEquals([...world.machine.arrays.get("md0")?.paths.keys() ?? []], ["a", "z"]);
});

Deno.test("a device that leaves from under a path in use is told before md notices", () => {
  const world = new World().see("UU").see("UX").see("UX");
  assertEquals(world.news(), ["StandbyFailed b"]);
  world.see("UG");
  assertEquals(world.news(), ["Fail b", "PathLost b"]);
});

Deno.test("somebody else may put a path back", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).see("UU");
  assertEquals(world.news().at(-1), "SpareActive b");
  assertEquals(world.machine.nextDueMs(), Infinity);
});

Deno.test("answers that come late have no effect", () => {
  const world = new World().see("UU").see("UF").pass(100).see("UU").see("UF");
  world.news();
  world.tell("b", PROVEN);
  assertEquals([world.news(), world.path("b").phase], [[], "failed"]);
});

Deno.test("an answer from an array that is gone is not taken for another's of its name", () => {
  const world = new World().see("UF", { uuid: "u0" }).pass(0);
  const ticket = world.path("b").ticket;
  world.see("UF", { uuid: "u1" }).pass(0);
  world.tell("b", DEAD, ticket);
  assertEquals([world.path("b").phase, world.path("b").faultSeen], ["probing", false]);
});

Deno.test("a path that proves foreign after its return is out, and refused", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(15_000);
  world.tell("b", PROVEN).tell("b", { type: "wrong", reason: "it is another disk" });
  assertEquals(world.news().slice(-2), ["restore b", "PathRefused b"]);
  assertEquals(world.path("b").phase, "refused");
});

Deno.test("a return that the kernel refuses is told once and tried again", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD);
  world.news();
  for (let i = 0; i < 2; i++) {
    world.pass(15_000).tell("b", PROVEN).tell("b", { type: "unrestored", reason: "busy" });
  }
  assertEquals(world.news().filter((line) => line.includes("Restore")), [
    "RestoreFailed b",
    "RestoreFailed b",
  ]);
  assertEquals(world.path("b").phase, "failed");
});

Deno.test("a return that another made meanwhile is a return", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(15_000);
  world.tell("b", PROVEN).see("UU").tell("b", { type: "unrestored", reason: "busy" });
  assertEquals(world.path("b").phase, "active");
});

Deno.test("a dry run says what it would do and does nothing", () => {
  const world = new World({ dryRun: true }).see("UU").see("UF").pass(100).tell("b", DEAD);
  for (let i = 0; i < 3; i++) world.pass(15_000).tell("b", PROVEN);
  assertEquals(world.news().filter((line) => !line.startsWith("probe")), [
    "Fail b",
    "PathProbeFailed b",
    "PathHeld b",
  ]);
});

Deno.test("a faulty path that is found at the start is tested at once", () => {
  const world = new World();
  world.faultsSeen.add("b");
  world.see("UF").pass(0);
  assertEquals(world.news(), ["DegradedArray md0", "probe b"]);
  world.tell("b", PROVEN);
  assertEquals(world.news(), ["restore b"], "an earlier run saw it fail");
});

Deno.test("a path that was half put back is not forgotten, here and by the next run", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(15_000);
  world.existing.add("b");
  world.tell("b", PROVEN).see("U ");
  world.tell("b", { type: "refused", reason: "no mark", unbound: true }).see("U ");
  assertEquals(world.path("b").phase, "refused");
  const next = nextRun(world);
  next.see("U ").pass(0);
  assertEquals(next.news(), ["DegradedArray md0", "probe b"]);
  assertEquals(next.see("UU").news(), ["SpareActive b"]);
});

Deno.test("the next run finishes what it was decided to do, whether or not a fault was seen", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", PROVEN).pass(615_000);
  world.tell("b", PROVEN).see("U ");
  assertEquals([world.path("b").phase, world.path("b").faultSeen], ["restoring", false]);
  const next = nextRun(world).see("U ").pass(0).tell("b", PROVEN);
  assertEquals(next.news(), ["DegradedArray md0", "probe b", "restore b"]);
});

Deno.test("a path that was removed by hand while no daemon ran is left out", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD);
  const next = nextRun(world).see("U ").pass(700_000);
  assertEquals(next.news().filter((line) => line.endsWith(" b")), []);
});

Deno.test("a path that was removed by hand while it was to be put back is left out", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(15_000);
  world.existing.add("b");
  world.tell("b", PROVEN).see("U ");
  world.tell("b", { type: "unrestored", reason: "taken out", unbound: false }).see("U ");
  assertEquals(world.news().at(-1), "PathRemoved b");
});

Deno.test("a path that was faulty when it was first seen is removed by hand like any other", () => {
  const world = new World();
  world.existing.add("b");
  world.see("UF").pass(100).tell("b", DEAD).see("U ");
  assertEquals(world.news().at(-1), "PathRemoved b");
});

Deno.test("a path whose restoration fell silent is not forgotten, whenever it leaves the array", () => {
  const silent: PathEvent = { type: "hung", reason: "no answer", unbound: true };
  for (const listed of ["U ", "UF"]) {
    const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(15_000);
    world.existing.add("b");
    world.tell("b", PROVEN).see(listed).tell("b", silent).see(listed).see("U ");
    assertEquals([world.path("b").phase, world.path("b").unbound], ["hung", true], listed);
    world.tell("b", { type: "released" }).see("UF").pass(0).see("UF");
    assertEquals(world.path("b").unbound, false, "the array lists it after all");
  }
});

Deno.test("a path that a silent restoration has only bound so far is not in use, and not forgotten", () => {
  const silent: PathEvent = { type: "hung", reason: "no answer", unbound: true };
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(15_000);
  world.existing.add("b");
  world.tell("b", PROVEN).tell("b", silent).news();
  world.see("U ").see("US").see("U ");
  assertEquals([world.news(), world.path("b").phase], [[], "hung"]);
  assertEquals(world.see("UU").news(), ["SpareActive b"]);
});

Deno.test("a path whose restoration fell silent is left to it until it ends", () => {
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(15_000);
  world.tell("b", PROVEN).tell("b", HUNG).pass(600_000).tell("a", DEAD).pass(600_000);
  assertEquals(world.news().filter((line) => line.endsWith(" b")).slice(-2), [
    "restore b",
    "RestoreFailed b",
  ]);
  world.tell("b", { type: "released" }).pass(0).tell("b", PROVEN);
  assertEquals(world.news().slice(-2), ["probe b", "restore b"]);
  assertEquals(
    world.see("UU").tell("b", HUNG).path("b").phase,
    "active",
    "it got through after all",
  );
});

Deno.test("a restoration that did not come about is decided upon again", () => {
  const untested: PathEvent = { type: "hung", reason: "no processes left", untested: true };
  const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(15_000);
  world.tell("b", PROVEN).tell("b", untested).pass(15_000).tell("b", PROVEN);
  assertEquals(world.news().slice(-1), ["restore b"]);
});

Deno.test("arrays that come, go and change their identity are told", () => {
  const world = new World().seeAll([]).see("UU").see("UU", { uuid: "u1" }).seeAll([]);
  assertEquals(world.news(), [
    "NewArray md0",
    "DeviceDisappeared md0",
    "NewArray md0",
    "DeviceDisappeared md0",
  ]);
});

Deno.test("a member is put back only beside a bitmap, in an array at rest", () => {
  const raid1 = { personality: "raid1", hasBitmap: true };
  const outcome = (change: object): string | undefined => {
    const world = new World().see("UU", { ...raid1, ...change }).see("UF", { ...raid1, ...change });
    world.pass(100).tell("b", DEAD).pass(15_000).tell("b", PROVEN);
    return world.news().at(-1);
  };
  assertEquals(outcome({}), "restore b");
  assertEquals(outcome({ hasBitmap: false }), "PathHeld b");
  assertEquals(outcome({ syncing: true }), "PathHeld b");
  assertEquals(outcome({ state: "inactive" }), "PathHeld b");
});

Deno.test("an array learns anew when its working paths change, and only then", () => {
  const world = new World().see("UU").see("UU").see("UF").see("UF").see("UU");
  assertEquals(world.log.filter((line) => line === "learn md0").length, 3);
});

Deno.test("an array learns anew after an attempt to put a path back, whatever came of it", () => {
  for (const type of ["unrestored", "refused", "wrong", "dead"] as const) {
    const world = new World().see("UU").see("UF").pass(100).tell("b", DEAD).pass(15_000);
    world.tell("b", PROVEN).see("U ");
    world.news();
    world.tell("b", { type, reason: "no mark", unbound: true }).see("U ");
    assertEquals(world.log.filter((line) => line === "learn md0").length, 1, type);
  }
});

Deno.test("hundreds of arrays fail and are tested at once", () => {
  const world = new World();
  const names = Array.from({ length: 300 }, (_, i) => `md${i}`);
  world.seeAll(names.map((name) => sight("UU", { name, uuid: name })));
  world.seeAll(names.map((name) => sight("UF", { name, uuid: name })));
  world.pass(100);
  assertEquals(world.log.filter((line) => line === "probe b").length, 300);
});

Deno.test("every phase has a cell for every event", () => {
  const events = Object.keys(TABLE.active).sort();
  for (const row of Object.values(TABLE)) assertEquals(Object.keys(row).sort(), events);
});
