/** Whose a region is: what a group takes for its own, and what it leaves alone. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Span } from "../../../daemons/dmfilemapd/fiemap.ts";
import { type Group, GroupGoneError } from "../../../daemons/dmfilemapd/group.ts";
import { FakeDevice } from "./fake_device.ts";
import { applyAll, follow, foreign, seen, stockGroup } from "./groups.ts";

const STOCK = { length: 8, program: "dmstats", precise: false, histogram: "" };

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

Deno.test("Group.apply reads the table again before it changes anything after others have used device-mapper", () => {
  const device = new FakeDevice();
  const spans = [{ start: 1000, length: 8 }, { start: 2000, length: 8 }];
  const group = follow(device, stockGroup(device, spans));
  device.remove(1);
  device.setAux(0, "DMS_GROUP=f:0#-");
  assertEquals(foreign(device), 1);
  device.isUsed = true;
  applyAll(group, [spans[0]]);
  assertEquals([...device.rows.keys()], [0, 1]);
  assertEquals(device.aux(0), "DMS_GROUP=f:0#-");
});

Deno.test("Group.apply reads the table again behind a change that made ids dense while others used device-mapper", () => {
  const device = new FakeDevice();
  const spans = Array.from({ length: 12 }, (_, i) => ({ start: 100 * i, length: 8 }));
  const id = stockGroup(device, spans);
  device.setAux(id, `DMS_GROUP=${"x".repeat(960)}:0-11#-`);
  const group = follow(device, id);
  device.before = (call) => {
    if (call !== "create") return;
    device.before = () => {};
    device.isUsed = true;
  };
  // "0-3,5-6,8-12" would be too long.
  const more = { start: 5000, length: 8 };
  applyAll(group, [...spans.filter((_, i) => ![4, 7].includes(i)), more]);
  assert([...device.rows.keys()].includes(20), "ids were made dense");
  assert(device.isListStale());
});

Deno.test("Group.apply does not list for a look that finds nothing to change", () => {
  const device = new FakeDevice();
  const spans = [{ start: 1000, length: 8 }];
  const group = follow(device, stockGroup(device, spans));
  device.isUsed = true;
  const { list } = device.calls;
  applyAll(group, spans);
  assertEquals(device.calls.list, list);
});

Deno.test("Group leaves another program's region alone, though the descriptor names it", () => {
  const device = new FakeDevice();
  const spans = [{ start: 1000, length: 8 }, { start: 2000, length: 8 }];
  const group = follow(device, stockGroup(device, spans));
  // As `dmsetup message` deletes it: the descriptor stays as it is.
  device.remove(1);
  assertEquals(foreign(device), 1);
  assert(group.refresh());
  applyAll(group, spans);
  assertEquals([device.aux(0), device.aux(1)], ["DMS_GROUP=f:0,2#-", "-"]);
  assertEquals(seen(device, 0), spans);
  group.dissolve();
  assertEquals([...device.rows.keys()], [1]);
});

Deno.test("Group.refresh puts a group together without another program's region that has a member's id", () => {
  const device = new FakeDevice();
  const id = stockGroup(device, [0, 20, 40].map((start) => ({ start, length: 8 })));
  const aux = device.aux(id);
  const journal = device.create({ ...STOCK, start: 60, aux: `hostkeep:1:${id}:l:${aux}` });
  for (const gone of [id, 1]) device.remove(gone);
  assertEquals([foreign(device), foreign(device)], [0, 1]);
  device.remove(0);
  const group = follow(device, id);
  assertEquals(group.members.map((member) => member.id).sort(), [0, 2]);
  assertEquals([device.aux(1), device.rows.has(journal)], ["-", false]);
});

Deno.test("Group.refresh sees the end of the group though another program's has its id, name and place", () => {
  const device = new FakeDevice();
  const span = { start: 1000, length: 8 };
  const group = follow(device, stockGroup(device, [span]));
  device.remove(0);
  device.create({ ...STOCK, ...span, program: "theirs", aux: "DMS_GROUP=f:0#-" });
  assertEquals(group.refresh(), false);
});

Deno.test("Group.refresh sees the end of the group though another one has its id by now", () => {
  for (const change of ["apply", "dissolve", "refresh"] as const) {
    const device = new FakeDevice();
    const spans = [{ start: 1000, length: 8 }, { start: 2000, length: 8 }];
    const group = follow(device, stockGroup(device, spans, "A"));
    for (const id of [0, 1]) device.remove(id);
    const others = [{ start: 50_000, length: 8 }, { start: 60_000, length: 8 }];
    assertEquals(stockGroup(device, others, "B"), 0);
    device.isUsed = true;
    if (change === "apply") {
      assertThrows(() => group.apply([{ start: 1000, length: 4 }]), GroupGoneError);
    }
    if (change === "dissolve") group.dissolve();
    assertEquals([group.refresh(), seen(device, 0)], [false, others]);
  }
});
