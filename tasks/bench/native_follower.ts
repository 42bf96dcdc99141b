/**
 * `native_follower.ts FILE`: the daemon with everything but a device-mapper device, which is simulated; the file, its events and
 * its extents are real. Prints a NativeUpdate, a line of JSON, at the beginning and for each change of the regions.
 */
import { Daemon, SIGNALS } from "../../daemons/dmfilemapd/effects/daemon.ts";
import { InodeFile } from "../../daemons/dmfilemapd/effects/file.ts";
import { updateMetrics } from "../../daemons/dmfilemapd/effects/update_metrics.ts";
import { Updater, type UpdaterParts } from "../../daemons/dmfilemapd/effects/updater.ts";
import { Voice } from "../../daemons/dmfilemapd/effects/voice.ts";
import { Watches } from "../../daemons/dmfilemapd/effects/watches.ts";
import { Group } from "../../daemons/dmfilemapd/group.ts";
import {
  DEFAULT_CHECK_INTERVAL_S,
  DEFAULT_REGION_LIMIT,
  DEFAULT_SEAM_LIMIT,
  DEFAULT_UPDATE_INTERVAL_MS,
} from "../../daemons/dmfilemapd/limits.ts";
import type { Event } from "../../daemons/dmfilemapd/machine.ts";
import { disjoint } from "../../daemons/dmfilemapd/regions.ts";
import { Errno } from "../../ffi/errno.ts";
import { O_CLOEXEC, O_RDONLY, openFile } from "../../ffi/file.ts";
import { cString } from "../../ffi/memory.ts";
import { blockSignals } from "../../ffi/signal.ts";
import { Reactor } from "../../src/host/reactor.ts";
import { STDOUT, writeText } from "../../src/host/standard.ts";
import { SimulatedKernel } from "../../tests/daemons/dmfilemapd/model/kernel.ts";
import { stockCreate } from "../../tests/daemons/dmfilemapd/model/stock_reader.ts";
import { deviceOver } from "../../tests/daemons/dmfilemapd/model/wire.ts";

/** What one look at the file came to. */
export interface NativeUpdate {
  /** Sectors that regions cover now. */
  readonly sectors: number;
  /** Messages to the kernel. */
  readonly messages: number;
  /** Everything else: reading the extents, deciding, making messages and reading answers. */
  readonly ms: number;
}

/** What the simulated kernel was asked, and how long it took: neither is the daemon's. */
class Meter {
  messages = 0;
  kernelMs = 0;
  #since = 0;

  readonly before = (): void => {
    this.messages++;
    this.#since = performance.now();
  };

  readonly after = (): void => {
    this.kernelMs += performance.now() - this.#since;
  };

  reset(): void {
    this.messages = this.kernelMs = 0;
  }
}

class MeasuredUpdater extends Updater {
  constructor(parts: UpdaterParts, private readonly group: Group, private readonly meter: Meter) {
    super(parts);
  }

  override look(): Event {
    this.meter.reset();
    const began = performance.now();
    const event = super.look();
    if (event.type === "looked" && event.changed) this.tell(performance.now() - began);
    return event;
  }

  tell(ms: number): void {
    const covered = disjoint(this.group.members).reduce((sum, { length }) => sum + length, 0);
    const { messages, kernelMs } = this.meter;
    const update: NativeUpdate = { sectors: covered, messages, ms: ms - kernelMs };
    writeText(STDOUT, `${JSON.stringify(update)}\n`);
  }
}

/** A group as `dmstats create --filemap` makes it. */
function groupOf(file: InodeFile, meter: Meter): Group {
  const kernel = new SimulatedKernel();
  const id = stockCreate(kernel, file.look().map.extents);
  const limits = { regions: DEFAULT_REGION_LIMIT, seams: DEFAULT_SEAM_LIMIT };
  const group = new Group(deviceOver(kernel, meter), id, limits, {
    created: () => {},
    deleted: () => {},
    renamed: () => {},
  });
  group.refresh();
  return group;
}

function follow(path: string): number {
  blockSignals(SIGNALS);
  const fd = openFile(cString(path), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) throw new Errno(-fd, "open", path);
  const file = new InodeFile(fd, { device: 0, inode: 0 });
  const meter = new Meter();
  const group = groupOf(file, meter);
  const reactor = new Reactor();
  const metrics = updateMetrics();
  const voice = new Voice(0, true, undefined, { GROUP_ID: group.id, DEVICE: "", PATH: path });
  const now = (): number => reactor.now();
  const parts = { file, group, deviceLock: undefined, lookAheadSectors: 0, metrics, voice, now };
  const updater = new MeasuredUpdater(parts, group, meter);
  const watches = new Watches();
  watches.set(fd);
  const daemon = new Daemon({ reactor, watches, file, group, updater, metrics, voice, path, fd }, {
    mode: "inode",
    updateIntervalMs: DEFAULT_UPDATE_INTERVAL_MS,
    checkIntervalMs: 1000 * DEFAULT_CHECK_INTERVAL_S,
  });
  updater.tell(0);
  return daemon.begin() ? daemon.serve() : 1;
}

if (import.meta.main) Deno.exit(follow(Deno.args[0]));
