/** Groups where the kernel has no memory for another region. */
import { assertEquals } from "@std/assert";
import type { Span } from "../../../daemons/dmfilemapd/fiemap.ts";
import { Group } from "../../../daemons/dmfilemapd/group.ts";
import { NOWHERE } from "../../../daemons/dmfilemapd/group_table.ts";
import { FakeDevice } from "./fake_device.ts";
import { applyAll, follow, foreign, LIMITS, seen, SILENT, stockGroup } from "./groups.ts";

const PLAIN = { program: "dmstats", precise: false, histogram: "" };

Deno.test("Group.apply leaves no spares behind where there is no memory to make ids dense", () => {
  const device = new FakeDevice();
  const extents: Span[] = [{ start: 0, length: 10 }];
  const group = follow(device, stockGroup(device, extents));
  while ((device.aux(0) as string).length < 980) {
    foreign(device);
    extents.push({ start: 100 * extents.length, length: 10 });
    assertEquals(applyAll(group, extents).shortage, undefined);
  }
  const fillers = Array.from({ length: 30 }, () => foreign(device));
  for (const filler of fillers.slice(0, -1)) device.remove(filler);
  for (let i = 0; i < 10; i++) extents.push({ start: 100 * extents.length + 20 * i, length: 10 });
  const before = seen(device, 0).length;
  const regions = device.rows.size;
  device.room = regions + 15;
  assertEquals(applyAll(group, extents).shortage, "memory");
  assertEquals([seen(device, 0).length, device.rows.size], [before, regions]);
});

Deno.test("Group.apply leaves a leader that should go where there is no memory for its journal", () => {
  for (const others of [[], [{ start: 300, length: 10 }]]) {
    const device = new FakeDevice();
    const before = [{ start: 100, length: 10 }, ...others];
    const after = [{ start: 105, length: 5 }, ...others];
    const group = follow(device, stockGroup(device, before));
    device.room = device.rows.size;
    device.isFreeingLate = true;
    assertEquals(group.apply(after).shortage, "memory");
    assertEquals([group.id, seen(device, 0)], [0, before]);
    device.room = Infinity;
    assertEquals(group.apply(after).shortage, undefined);
    assertEquals([group.id, seen(device, 0)], [0, after]);
  }
});

Deno.test("Group.apply keeps the group under another id where the deleted leader's memory is not given back", () => {
  for (const others of [[], [{ start: 300, length: 10 }]]) {
    const device = new FakeDevice();
    const group = follow(device, stockGroup(device, [{ start: 100, length: 10 }, ...others]));
    const after = [{ start: 105, length: 5 }, ...others];
    device.room = device.rows.size + 1;
    device.isFreeingLate = true;
    assertEquals(group.apply(after).shortage, "memory");
    assertEquals([group.id, seen(device, 1)], [1, others]);
    assertEquals(device.rows.size, 1, "regions left behind");
    device.room = Infinity;
    assertEquals(applyAll(group, after).shortage, undefined);
    assertEquals(seen(device, 1), after);
  }
});

Deno.test("Group.refresh puts a group together without memory for another region", () => {
  for (const others of [[], [1]]) {
    const device = new FakeDevice();
    stockGroup(device, [
      { start: 100, length: 10 },
      ...others.map(() => ({ start: 300, length: 10 })),
    ]);
    const aux = device.aux(0);
    device.create({ ...NOWHERE, ...PLAIN, aux: `hostkeep:1:0:l:${aux}` });
    device.remove(0);
    device.room = device.rows.size;
    const group = new Group(device, 0, LIMITS, SILENT);
    assertEquals([group.refresh(), group.id, device.rows.size], [true, 1, 1]);
  }
});
