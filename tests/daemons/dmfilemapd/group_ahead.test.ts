/** Groups with look-ahead: what is mapped behind the file's last extent, and what becomes of it. */
import { assert, assertEquals } from "@std/assert";
import type { Span } from "../../../daemons/dmfilemapd/fiemap.ts";
import type { Group } from "../../../daemons/dmfilemapd/group.ts";
import { lookAhead } from "../../../daemons/dmfilemapd/regions.ts";
import { FakeDevice } from "./fake_device.ts";
import { applyAll, follow, LIMITS, seen, stockGroup, written } from "./groups.ts";

const AHEAD = 24;
const DEVICE_SECTORS = 1_000_000;

function look(group: Group, extents: readonly Span[]): void {
  applyAll(group, lookAhead(extents, group.members, AHEAD, DEVICE_SECTORS));
}

Deno.test("Group.apply keeps the counters of an extent with look-ahead behind it where the file goes on elsewhere", () => {
  const device = new FakeDevice();
  const extents = [{ start: 0, length: 8 }, { start: 1000, length: 8 }];
  const group = follow(device, stockGroup(device, extents));
  look(group, extents);
  assertEquals(seen(device, 0), [...extents, { start: 1008, length: AHEAD }]);
  device.write(1000, 8);
  const more = { start: 5000, length: 8 };
  look(group, [...extents, more]);
  assertEquals(seen(device, 0), [...extents, more, { start: 5008, length: AHEAD }]);
  assertEquals(written(device, group), 8n);
});

Deno.test("Group.apply merges no region of the file with look-ahead", () => {
  const device = new FakeDevice();
  const group = follow(device, stockGroup(device, [{ start: 0, length: 8 }]));
  let length = 0;
  while (length < 800) {
    length += 8;
    look(group, [{ start: 0, length }]);
    device.write(length - 8, 8);
    assert(group.members.length <= 2 + LIMITS.seams);
  }
  assertEquals(written(device, group), 800n);
  look(group, [{ start: 0, length }, { start: 5000, length: 8 }]);
  // What goes is what was behind the file's end when it was mapped.
  const lost = 800n - written(device, group);
  assert(lost < 2 * AHEAD, `${lost} sectors are not counted any more`);
});
