import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Span } from "../../../daemons/dmfilemapd/fiemap.ts";
import { type Applied, Group, type GroupNotes } from "../../../daemons/dmfilemapd/group.ts";
import { isNowhere, NOWHERE } from "../../../daemons/dmfilemapd/group_table.ts";
import { parseGroupTag } from "../../../daemons/dmfilemapd/group_tag.ts";
import { parseMark } from "../../../daemons/dmfilemapd/marks.ts";
import { disjoint } from "../../../daemons/dmfilemapd/regions.ts";
import { FakeDevice } from "./fake_device.ts";

const LIMITS = { regions: 1000, seams: 4 };
const SILENT: GroupNotes = {
  created: (): void => {},
  deleted: (): void => {},
  renamed: (): void => {},
};

/** Makes a group as `dmstats create --filemap` does; its id. */
function stockGroup(device: FakeDevice, spans: readonly Span[], alias = "f"): number {
  const ids = spans.map(({ start, length }) =>
    device.create({ start, length, program: "dmstats", aux: "-", precise: false, histogram: "" })
  );
  device.setAux(ids[0], `DMS_GROUP=${alias}:${ids.join(",")}#-`);
  return ids[0];
}

function follow(device: FakeDevice, id: number, limits = LIMITS): Group {
  const group = new Group(device, id, limits, SILENT);
  assert(group.refresh());
  return group;
}

function applyAll(group: Group, extents: readonly Span[]): Applied {
  let applied = group.apply(extents);
  for (let i = 0; applied.more && i < 100; i++) applied = group.apply(extents);
  return applied;
}

/** The members' spans, ascending, as stock tools see them. */
function seen(device: FakeDevice, id: number): Span[] {
  const tag = parseGroupTag(device.aux(id) ?? "", id);
  if (tag === undefined) throw new Error(`region ${id} has no descriptor: ${device.aux(id)}`);
  const rows = tag.ids.map((member) => {
    const row = device.rows.get(member);
    if (row === undefined) throw new Error(`the descriptor names region ${member}, which is gone`);
    return { start: row.region.start, length: row.region.length, id: member };
  });
  return rows.filter((row) => !isNowhere(row)).sort((a, b) => a.start - b.start)
    .map(({ start, length }) => ({ start, length }));
}

function foreign(device: FakeDevice): number {
  return device.create({
    start: 0,
    length: 1,
    program: "x",
    aux: "-",
    precise: false,
    histogram: "",
  });
}

/** What the group has counted, with what it carries. */
function written(device: FakeDevice, group: Group): bigint {
  const own = [...group.members].map(({ id }) => device.rows.get(id)?.values[6] ?? 0n);
  return own.reduce((a, b) => a + b, 0n) + (group.carried?.values[6] ?? 0n);
}

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

/** A group with regions that carry counts, after ten appends to a file at `start`; its extent. */
function carryingGroup(device: FakeDevice, start: number): { group: Group; extent: Span } {
  const group = follow(device, stockGroup(device, [{ start, length: 8 }]));
  for (let length = 16; length <= 80; length += 8) {
    applyAll(group, [{ start, length }]);
    device.write(start + length - 8, 8);
  }
  assert(group.carried !== undefined);
  return { group, extent: { start, length: 80 } };
}

Deno.test("Group.refresh leaves regions alone that were ungrouped, also those that carry counts for a group of its id", () => {
  const device = new FakeDevice();
  const { group } = carryingGroup(device, 1000);
  device.setAux(group.id, "-");
  device.remove(0);
  const there = [...device.rows.keys()];
  const id = stockGroup(device, [{ start: 5000, length: 8 }]);
  assertEquals(id, 0);
  follow(device, id);
  assertEquals([...device.rows.keys()].sort(), [...there, 0].sort());
});

Deno.test("Group.refresh leaves the regions of another group alone that once had its id", () => {
  const device = new FakeDevice();
  const { group, extent } = carryingGroup(device, 1000);
  // Another program gets the id while the leader is replaced.
  device.before = (call) => {
    if (call !== "create" || device.rows.has(0)) return;
    device.before = () => {};
    assertEquals(foreign(device), 0);
  };
  applyAll(group, [{ start: extent.start + 4, length: extent.length - 4 }]);
  assert(group.id > 0);
  // A daemon that was killed may leave members with the mark of a spare.
  device.setAux(group.members.at(-1)?.id as number, "hostkeep:1:0:s");
  const before = seen(device, group.id);
  device.remove(0);
  follow(device, stockGroup(device, [{ start: 9000, length: 8 }]));
  assertEquals(seen(device, group.id), before);
});

Deno.test("Group.refresh makes a spare that was named a member again, with what it carries", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [{ start: 0, length: 10 }, { start: 20, length: 10 }]);
  const carry = "1,2,3,4,5,6,7,8,0,10,11,12,13";
  device.setAux(1, `hostkeep:1:${id}:s:${carry}`);
  const group = follow(device, id);
  assertEquals(device.aux(1), `hostkeep:1:${id}:m:${carry}`);
  assertEquals(group.carried?.values[6], 7n);
});

Deno.test("Group.dissolve deletes every region", () => {
  const device = new FakeDevice();
  const other = foreign(device);
  const id = stockGroup(device, [{ start: 0, length: 10 }, { start: 20, length: 10 }]);
  follow(device, id).dissolve();
  assertEquals([...device.rows.keys()], [other]);
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
