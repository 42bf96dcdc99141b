import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Span } from "../../../daemons/dmfilemapd/fiemap.ts";
import { Group } from "../../../daemons/dmfilemapd/group.ts";
import { NOWHERE } from "../../../daemons/dmfilemapd/group_table.ts";
import { parseMark } from "../../../daemons/dmfilemapd/marks.ts";
import { disjoint } from "../../../daemons/dmfilemapd/regions.ts";
import { FakeDevice } from "./fake_device.ts";
import { applyAll, follow, foreign, LIMITS, seen, SILENT, stockGroup, written } from "./groups.ts";

Deno.test("Group.apply keeps the counters of an extent that grows", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 100, length: 10 }]);
  const group = follow(device, id);
  device.write(100, 10);
  applyAll(group, [{ start: 100, length: 20 }]);
  assertEquals(seen(device, id), [{ start: 100, length: 10 }, { start: 110, length: 10 }]);
  assertEquals(device.rows.get(id)?.values[6], 10n);
});

Deno.test("Group.apply makes idle tails one region: 64 appends end in two", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 100, length: 10 }]);
  const group = follow(device, id);
  device.write(100, 10);
  for (let i = 1; i <= 64; i++) applyAll(group, [{ start: 100, length: 10 + 10 * i }]);
  assertEquals(seen(device, id), [{ start: 100, length: 10 }, { start: 110, length: 640 }]);
});

Deno.test("Group.apply keeps the group's id when the head of the file is freed", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 100, length: 10 }, { start: 200, length: 10 }]);
  const group = follow(device, id);
  applyAll(group, [{ start: 200, length: 10 }]);
  assertEquals([group.id, seen(device, id)], [id, [{ start: 200, length: 10 }]]);
  applyAll(group, [{ start: 300, length: 10 }, { start: 200, length: 10 }]);
  assertEquals(seen(device, id), [{ start: 200, length: 10 }, { start: 300, length: 10 }]);
});

Deno.test("Group.apply leaves free ids below the group's alone", () => {
  const device = new FakeDevice();
  const low = [foreign(device), foreign(device)];
  const id = stockGroup(device, [{ start: 100, length: 10 }]);
  const group = follow(device, id);
  for (const one of low) device.remove(one);
  applyAll(group, [{ start: 100, length: 10 }, { start: 200, length: 10 }]);
  applyAll(group, [{ start: 300, length: 10 }]);
  assertEquals(seen(device, id), [{ start: 300, length: 10 }]);
  assertEquals(low.map((one) => device.rows.has(one)), [false, false]);
});

Deno.test("Group.apply keeps alias, user data, program, precision and histogram of the leader", () => {
  const device = new FakeDevice();
  const id = device.create({
    start: 1,
    length: 2,
    program: "mine",
    aux: 'DMS_GROUP="a b":0#some data',
    precise: true,
    histogram: "1,2",
  });
  const group = follow(device, id);
  applyAll(group, [{ start: 50, length: 5 }, { start: 70, length: 5 }]);
  assertEquals(device.aux(id), 'DMS_GROUP="a b":0-1#some data');
  for (const { region } of device.rows.values()) {
    assertEquals([region.program, region.precise, region.histogram], ["mine", true, "1,2"]);
  }
});

Deno.test("Group.apply bounds the regions by extents and seams, and loses no count", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 100, length: 10 }]);
  const group = follow(device, id);
  let truth = 0n;
  for (let i = 1; i <= 50; i++) {
    applyAll(group, [{ start: 100, length: 10 + 10 * i }]);
    device.write(100 + 10 * i, 10);
    truth += 10n;
    group.apply([{ start: 100, length: 10 + 10 * i }]);
    assertEquals(written(device, group), truth);
    assert(seen(device, id).length <= 1 + LIMITS.seams, `${seen(device, id).length} regions`);
  }
  const again = follow(device, id);
  assertEquals(written(device, again), truth);
});

Deno.test("Group.apply does not merge regions that count while they are read", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 0, length: 10 }]);
  const group = follow(device, id, { regions: 1000, seams: 1 });
  device.before = (call) => {
    if (call === "print") device.write(0, 100);
  };
  for (let i = 1; i <= 4; i++) {
    group.apply([{ start: 0, length: 10 + 10 * i }]);
    device.write(10 * i, 10);
  }
  device.before = () => {};
  assertEquals(seen(device, id).length, 5);
  assertEquals([...device.rows.values()].every(({ region }) => !parseMark(region.aux)), true);
  group.apply([{ start: 0, length: 50 }]);
  assertEquals(seen(device, id).length, 2);
});

Deno.test("Group.apply makes ids dense where the descriptor would be too long", () => {
  const device = new FakeDevice();
  const extents: Span[] = [{ start: 0, length: 10 }];
  const id = stockGroup(device, extents);
  const group = follow(device, id);
  for (let i = 1; i <= 300; i++) {
    foreign(device);
    extents.push({ start: 100 * i, length: 10 });
    assertEquals(applyAll(group, extents).shortage, undefined);
    device.write(100 * i, 10);
  }
  assertEquals(seen(device, id), extents);
  assertEquals(written(device, group), 3000n);
  assert((device.aux(id) as string).length <= 1000);
});

Deno.test("Group.apply leaves no region behind where a leader goes and the descriptor is too long without some members", () => {
  for (const [name, shortage] of [[958, undefined], [964, "descriptor"]] as const) {
    const device = new FakeDevice();
    const low = [foreign(device), foreign(device), foreign(device)];
    const spans = Array.from({ length: 12 }, (_, i) => ({ start: 100 * i, length: 10 }));
    const id = stockGroup(device, spans);
    device.setAux(id, `DMS_GROUP=${"x".repeat(name)}:3-14#-`);
    const group = follow(device, id);
    for (const one of low) device.remove(one);
    // Ids of the middle go: "3-6,8-9,11-14" is longer.
    const wanted = spans.filter((_, i) => ![0, 4, 7].includes(i));
    assertEquals(group.apply(wanted).shortage, shortage);
    assertEquals([...device.rows.keys()].filter((one) => one < id), []);
    assertEquals(device.rows.size, group.members.length);
    if (shortage === undefined) assertEquals(seen(device, id), wanted);
  }
});

Deno.test("Group.apply says what it lacks and keeps what is there", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 0, length: 10 }]);
  const extents = [0, 1, 2, 3].map((i) => ({ start: 100 * i, length: 10 }));
  device.room = 2;
  const group = follow(device, id);
  assertEquals(group.apply(extents).shortage, "memory");
  assertEquals(seen(device, id), extents.slice(0, 2));
  device.room = Infinity;
  assertEquals(follow(device, id, { regions: 3, seams: 9 }).apply(extents).shortage, "regions");
  assertEquals(seen(device, id), extents.slice(0, 3));
});

Deno.test("Group.apply merges regions to stay below the limit of all, and maps on", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 0, length: 8 }]);
  const group = follow(device, id, { regions: 16, seams: 64 });
  for (let length = 16; length <= 400; length += 8) {
    const { shortage } = applyAll(group, [{ start: 0, length }]);
    device.write(length - 8, 8);
    assertEquals([shortage, seen(device, id).reduce((n, one) => n + one.length, 0)], [
      undefined,
      length,
    ]);
    assert(group.members.length <= 16);
  }
  assertEquals(written(device, group), 392n);
});

Deno.test("Group.apply works through many regions in bounded turns", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 0, length: 10 }]);
  const many = Array.from({ length: 900 }, (_, i) => ({ start: 100 * i, length: 10 }));
  const group = follow(device, id);
  assertEquals(group.apply(many).more, true);
  assert(seen(device, id).length < 400);
  applyAll(group, many);
  assertEquals(seen(device, id), many);
  applyAll(group, [{ start: 7, length: 1 }]);
  assertEquals([seen(device, id), device.rows.size], [[{ start: 7, length: 1 }], 1]);
});

Deno.test("an update touches what has changed and lists nothing", () => {
  const device = new FakeDevice();
  const many = Array.from({ length: 900 }, (_, i) => ({ start: 100 * i, length: 10 }));
  const id = stockGroup(device, many);
  const group = follow(device, id);
  applyAll(group, many);
  const before = { ...device.calls };
  group.apply([...many, { start: 1_000_000, length: 10 }]);
  assertEquals(device.calls, { ...before, create: before.create + 1, setAux: before.setAux + 2 });
});

Deno.test("Group.dissolve deletes every region", () => {
  const device = new FakeDevice();
  const other = foreign(device);
  const id = stockGroup(device, [{ start: 0, length: 10 }, { start: 20, length: 10 }]);
  follow(device, id).dissolve();
  assertEquals([...device.rows.keys()], [other]);
});

Deno.test("Group.dissolve leaves to others what they have begun to delete, before it is known that they have", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 0, length: 10 }, { start: 20, length: 10 }]);
  const group = follow(device, id);
  device.remove(id);
  group.dissolve();
  assertEquals([...device.rows.values()].map(({ region }) => region.aux), ["-"]);
});

Deno.test("Group.dissolve names no region that is not there, and what a kill leaves behind is deleted by the next daemon", () => {
  for (let lives = 0;; lives++) {
    const device = new FakeDevice();
    const id = stockGroup(device, [0, 20, 40].map((start) => ({ start, length: 10 })));
    const group = follow(device, id);
    let left = lives;
    device.before = () => {
      if (device.rows.has(id)) seen(device, id);
      if (left-- === 0) throw new Killed();
    };
    try {
      group.dissolve();
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    device.before = () => {};
    if (new Group(device, id, LIMITS, SILENT).refresh()) assertEquals(seen(device, id).length, 3);
    else assertEquals(device.rows.size, 0, `killed at call ${lives}`);
    if (left >= 0) return;
  }
});

Deno.test("Group.refresh sees no group where there is none", () => {
  const device = new FakeDevice();
  foreign(device);
  for (const id of [0, 1, 77]) assertEquals(new Group(device, id, LIMITS, SILENT).refresh(), false);
});

const script = fc.array(
  fc.record({
    extents: fc.array(
      fc.record({ at: fc.nat(9), length: fc.integer({ min: 1, max: 10 }) }),
      { maxLength: 6 },
    ),
    write: fc.record({ start: fc.nat(99), length: fc.integer({ min: 1, max: 30 }) }),
    foreign: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8 },
);

function placed(extents: readonly { at: number; length: number }[]): Span[] {
  return extents.map(({ at, length }) => ({ start: at * 10, length }));
}

class Killed extends Error {}

Deno.test("whatever a file does, stock tools see a whole group of the same id at every step", () => {
  fc.assert(
    fc.property(script, fc.nat(3), (steps, low) => {
      const device = new FakeDevice();
      for (let i = 0; i < low; i++) foreign(device);
      const id = stockGroup(device, [{ start: 0, length: 10 }]);
      const group = follow(device, id);
      for (const step of steps) {
        device.before = () => {
          if (device.rows.get(id)?.region.aux.startsWith("DMS_GROUP")) seen(device, id);
        };
        if (step.foreign) foreign(device);
        if (low > 0 && step.write.start > 50) device.remove(0);
        const extents = placed(step.extents);
        applyAll(group, extents);
        device.before = () => {};
        device.write(step.write.start, step.write.length);
        assertEquals(group.id, id);
        const spans = seen(device, id);
        const length = (all: readonly Span[]): number => all.reduce((n, one) => n + one.length, 0);
        assertEquals(length(spans), length(disjoint(extents)));
      }
    }),
    { seed: 11, numRuns: 1500 },
  );
});

Deno.test("a daemon that is killed at any call is followed by one that makes everything right", () => {
  fc.assert(
    fc.property(script, fc.nat(60), (steps, lives) => {
      const device = new FakeDevice();
      const id = stockGroup(device, [{ start: 0, length: 10 }, { start: 40, length: 10 }]);
      let calls = 0;
      device.before = (call) => {
        if (call !== "print" && calls++ >= lives) throw new Killed();
      };
      let extents: Span[] = [];
      try {
        const group = follow(device, id, { regions: 1000, seams: 1 });
        for (const step of steps) {
          extents = placed(step.extents);
          applyAll(group, extents);
          device.write(step.write.start, step.write.length);
        }
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
      device.before = () => {};
      const group = follow(device, id);
      applyAll(group, extents);
      const spans = seen(device, id);
      const length = (all: readonly Span[]): number => all.reduce((n, one) => n + one.length, 0);
      assertEquals(length(disjoint(spans)), length(disjoint(extents)));
      assertEquals(device.rows.size, group.members.length, "regions left behind");
    }),
    { seed: 12, numRuns: 2000 },
  );
});

Deno.test("the place where nothing is counted is past the end of any device", () => {
  assert(NOWHERE.start * 512 >= 2 ** 60);
});
