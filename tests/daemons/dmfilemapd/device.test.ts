/** KernelStats over a simulated kernel. */
import "../../bind_libc.ts";
import { assertEquals, assertThrows } from "@std/assert";
import type { KernelStats } from "../../../daemons/dmfilemapd/effects/device.ts";
import { FREED_STEP_MS, FREED_WAIT_MS } from "../../../daemons/dmfilemapd/limits.ts";
import { StatsError } from "../../../daemons/dmfilemapd/stats_device.ts";
import { SimulatedKernel } from "./model/kernel.ts";
import { deviceOver } from "./model/wire.ts";

const REQUEST = { start: 0, length: 8, program: "p", aux: "-", precise: false, histogram: "" };

/** A device with room for one region, and how often it has waited; a grace period ends in the wait of that number. */
function fullDevice(graceAt: number): { device: KernelStats; waits: { count: number } } {
  const kernel = new SimulatedKernel();
  kernel.room = 1;
  const waits = { count: 0 };
  const sleep = (): void => {
    if (++waits.count === graceAt) kernel.passGrace();
  };
  return { device: deviceOver(kernel, { before: () => {}, after: () => {}, sleep }), waits };
}

Deno.test("KernelStats.create waits for the memory of a region that was deleted just now", () => {
  const { device, waits } = fullDevice(3);
  device.remove(device.create(REQUEST));
  assertEquals([device.create(REQUEST), waits.count], [0, 3]);
});

Deno.test("KernelStats.create waits for a second at most, and not at all where nothing was deleted since", () => {
  const { device, waits } = fullDevice(0);
  device.remove(device.create(REQUEST));
  assertThrows(() => device.create(REQUEST), StatsError, "Cannot allocate memory");
  assertEquals(waits.count, FREED_WAIT_MS / FREED_STEP_MS);
  assertThrows(() => device.create(REQUEST), StatsError, "Cannot allocate memory");
  assertEquals(waits.count, FREED_WAIT_MS / FREED_STEP_MS);
});

Deno.test("KernelStats.isListStale is true from the first use by others to the next list", () => {
  const kernel = new SimulatedKernel();
  let isUsed = false;
  const takeUse = (): boolean => {
    const wasUsed = isUsed;
    isUsed = false;
    return wasUsed;
  };
  const device = deviceOver(kernel, { before: () => {}, after: () => {}, takeUse });
  for (let i = 0; i < 3; i++) device.create(REQUEST);
  device.list();
  assertEquals(device.isListStale(), false);
  isUsed = true;
  assertEquals([device.isListStale(), device.isListStale()], [true, true]);
  assertEquals([device.highestId(), device.isListStale()], [2, true], "ids alone are no list");
  isUsed = true;
  device.list();
  assertEquals(device.isListStale(), false);
});
