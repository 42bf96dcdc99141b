/** Updater: what one look makes of what may happen to the file, the group and the device. */
import "../../bind_libc.ts";
import { assertEquals } from "@std/assert";
import {
  type FollowedFile,
  type Sight,
  UnfitFileError,
  UnopenedError,
} from "../../../daemons/dmfilemapd/effects/file.ts";
import type { DeviceLock } from "../../../daemons/dmfilemapd/effects/instance.ts";
import { updateMetrics } from "../../../daemons/dmfilemapd/effects/update_metrics.ts";
import { Updater } from "../../../daemons/dmfilemapd/effects/updater.ts";
import { Voice } from "../../../daemons/dmfilemapd/effects/voice.ts";
import type { Span } from "../../../daemons/dmfilemapd/fiemap.ts";
import { StatsError } from "../../../daemons/dmfilemapd/stats_device.ts";
import { ENOSPC, Errno } from "../../../ffi/errno.ts";
import { FakeDevice } from "./fake_device.ts";
import { follow, LIMITS, seen, stockGroup } from "./groups.ts";

const EXTENTS = [{ start: 0, length: 8 }, { start: 100, length: 8 }];

function sight(extents: readonly Span[], unsettled = false): Sight {
  return {
    map: { extents, unsettled, shared: false, endBytes: 0 },
    writer: false,
    mayMove: false,
  };
}

/** An updater of a group with one region, and what it says. */
class Bench {
  readonly device = new FakeDevice();
  readonly said: string[] = [];
  /** What the file gives, or what is thrown. */
  found: Sight | undefined | Error = sight(EXTENTS);
  /** How many times another daemon is still found to change the device's regions. */
  locked = 0;
  readonly id = stockGroup(this.device, EXTENTS.slice(0, 1));
  readonly updater: Updater;

  constructor(limits = LIMITS) {
    const voice = new Voice(0, false, undefined, { GROUP_ID: 0, DEVICE: "253:0", PATH: "/f" });
    voice.listener = (text): void => void this.said.push(text);
    const deviceLock = {
      with: <T>(use: () => T): T | undefined => this.locked-- > 0 ? undefined : use(),
    };
    this.updater = new Updater({
      file: { identity: { device: 0, inode: 0 }, look: () => this.#find() } as FollowedFile,
      group: follow(this.device, this.id, limits),
      deviceLock: deviceLock as DeviceLock,
      lookAheadSectors: 0,
      metrics: updateMetrics(),
      voice,
      now: () => 0,
    });
  }

  #find(): Sight | undefined {
    if (this.found instanceof Error) throw this.found;
    return this.found;
  }

  /** The event's type or, of a look that was to its end, what came of it. */
  look(): string {
    const event = this.updater.look();
    if (event.type !== "looked") return event.type;
    return [event.outcome, ...(event.writer ? ["check"] : [])].join(" ");
  }
}

Deno.test("Updater.look tells a file that is not there from one without extents, and from one whose data wait", () => {
  const bench = new Bench();
  for (
    const [found, outcome] of [
      [undefined, "missing"],
      [sight([]), "empty"],
      [sight([], true), "mapped"],
      [sight(EXTENTS), "mapped"],
    ] as const
  ) {
    bench.found = found;
    assertEquals(bench.look(), outcome);
  }
  assertEquals([seen(bench.device, bench.id), bench.said], [EXTENTS, []]);
});

Deno.test("Updater.look puts off what cannot be done now, and changes and says nothing", () => {
  const bench = new Bench();
  bench.locked = 1;
  assertEquals(bench.look(), "lookedLater");
  bench.found = new UnopenedError("Too many open files");
  assertEquals(bench.look(), "lookedLater");
  assertEquals([seen(bench.device, bench.id), bench.said], [EXTENTS.slice(0, 1), []]);
});

Deno.test("Updater.look says why a file cannot be followed any more", () => {
  const bench = new Bench();
  bench.found = new UnfitFileError("Not a regular file");
  assertEquals(bench.look(), "refused");
  bench.found = new Errno(ENOSPC, "inotify_add_watch");
  assertEquals(bench.look(), "refused");
  bench.found = sight(EXTENTS);
  bench.device.before = (): void => {
    throw new StatsError("device", "No such device or address");
  };
  assertEquals(bench.look(), "refused");
  assertEquals(bench.said, [
    "Not a regular file",
    "inotify_add_watch: No space left on device",
    "No such device or address",
    "Failed to update filemap regions for group_id=0.",
  ]);
});

Deno.test("Updater.look sees that the group has gone while it changes it", () => {
  const bench = new Bench();
  bench.device.remove(bench.id);
  assertEquals([bench.look(), bench.said], ["gone", []]);
});

Deno.test("Updater.look says once what is lacking, has it tried again, and says when it is over", () => {
  const bench = new Bench();
  bench.device.room = 1;
  assertEquals([bench.look(), bench.look()], ["mapped check", "mapped check"]);
  bench.device.room = Infinity;
  assertEquals([bench.look(), bench.look()], ["mapped", "mapped"]);
  assertEquals(bench.said, [
    "Could not map all extents: the kernel takes no more regions: Cannot allocate memory.",
    "All extents are mapped again.",
  ]);
});

Deno.test("Updater.dissolve waits for another daemon that changes regions, for a while", () => {
  for (const locked of [0, 3, Infinity]) {
    const bench = new Bench();
    bench.locked = locked;
    const free: number[] = [];
    bench.device.before = () => free.push(bench.locked);
    bench.updater.dissolve();
    assertEquals([bench.device.rows.size, free[0]], [0, locked === Infinity ? Infinity : -1]);
  }
});
