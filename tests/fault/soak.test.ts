/** The short form of `deno task soak`: daemons side by side. What needs device-mapper is soaked in the rig. */
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { missingForCluster } from "../native/corosync/cluster.ts";
import { privateObstacle } from "../native/private_daemon.ts";
import { judge, shown } from "./soak/judge.ts";
import { growth, slope } from "./soak/slope.ts";
import { type Outcome, soak } from "./soak/soak.ts";
import { subjects } from "./soak/subjects.ts";

const MINUTES = 1.8;

const reason = await privateObstacle() ?? await missingForCluster();
const running = new Map<string, Promise<Outcome | Error>>();
if (reason === undefined) {
  for (const subject of await subjects()) {
    running.set(subject.name, soak(subject, MINUTES).catch((error: Error) => error));
  }
}

for (const name of ["virtlockd", "cmannotifyd", "mdmpd", "cmirrord"]) {
  const title = `${name} loses nothing and leaks nothing under load, faults, signals and kills`;
  if (reason !== undefined) console.log(`SKIPPED ${title}: ${reason}`);
  // All of them run at the same time, and so before and behind their tests.
  const sanitize = { sanitizeOps: false, sanitizeResources: false };
  Deno.test({ name: title, ignore: reason !== undefined, ...sanitize }, async () => {
    const outcome = await running.get(name);
    if (!(outcome !== undefined && "turns" in outcome)) throw outcome;
    console.log(shown(outcome));
    assertEquals(judge(outcome), []);
    assert(outcome.kills > 0 && outcome.turns > 1);
  });
}

Deno.test("slope is that of the line through the samples", () => {
  const samples = [0, 1, 2, 5].map((minutes) => ({ minutes, value: 7 + 3 * minutes }));
  assertAlmostEquals(slope(samples), 3);
  assertAlmostEquals(growth(samples), 15);
  assertThrows(() => slope([{ minutes: 1, value: 1 }]), RangeError);
});

Deno.test("judge finds a daemon that grows by the minute, and one that keeps descriptors", () => {
  const samples = (each: number) =>
    Array.from({ length: 20 }, (_, at) => ({ minutes: at / 10, value: 50_000 + each * at }));
  const outcome = (resident: number, descriptors: number): Outcome => {
    const [a, b] = [samples(resident), samples(descriptors)];
    return {
      name: "x",
      kills: 1,
      turns: 20,
      resident: a,
      descriptors: b,
      residentGrowth: growth(a),
      descriptorGrowth: growth(b),
      passingDescriptors: 0,
      isCapped: true,
    };
  };
  assertEquals(judge(outcome(0, 0)), []);
  assertEquals(judge(outcome(1_000, 0)).length, 1);
  assertEquals(judge(outcome(0, 0.2)).length, 1);
  assertEquals(judge({ ...outcome(0, 0.2), passingDescriptors: 3 }), []);
});
