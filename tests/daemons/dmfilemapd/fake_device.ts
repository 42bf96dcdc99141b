/**
 * A device's statistics as the kernel keeps them (drivers/md/dm-stats.c), in memory: the lowest free id for a new region, counting
 * in every region that an I/O touches.
 */
import type { Counters, Region, RegionRequest } from "../../../daemons/dmfilemapd/stats.ts";
import { COUNTERS } from "../../../daemons/dmfilemapd/stats.ts";
import { type StatsDevice, StatsError } from "../../../daemons/dmfilemapd/stats_device.ts";

interface Row {
  readonly region: Region;
  readonly values: bigint[];
}

export class FakeDevice implements StatsDevice {
  readonly rows = new Map<number, Row>();
  /** How many calls were made, by name. */
  readonly calls = { list: 0, create: 0, remove: 0, setAux: 0, print: 0 };
  /** Regions that fit the kernel's memory. */
  room = Infinity;
  /** Whether the memory of deleted regions is not given back, as where the RCU grace period takes longer than is waited for. */
  isFreeingLate = false;
  #unfreed = 0;
  /** Called before every call that changes something; may throw, as a kill would end the daemon there. */
  before: (call: string) => void = () => {};

  /** Whether others have used the device since it was listed. */
  isUsed = false;

  isListStale(): boolean {
    return this.isUsed;
  }

  list(): Region[] {
    this.calls.list++;
    this.isUsed = false;
    return [...this.rows.values()].map(({ region }) => region).sort((a, b) => a.id - b.id);
  }

  highestId(): number {
    return Math.max(0, ...this.rows.keys());
  }

  create(request: RegionRequest): number {
    this.before("create");
    this.calls.create++;
    if (this.rows.size + this.#unfreed >= this.room) {
      throw new StatsError("memory", "Cannot allocate memory");
    }
    let id = 0;
    while (this.rows.has(id)) id++;
    this.rows.set(id, {
      region: { ...request, id, step: request.length },
      values: new Array<bigint>(COUNTERS).fill(0n),
    });
    return id;
  }

  remove(id: number): boolean {
    this.before("remove");
    this.calls.remove++;
    const wasThere = this.rows.delete(id);
    if (wasThere && this.isFreeingLate) this.#unfreed++;
    return wasThere;
  }

  setAux(id: number, aux: string): boolean {
    this.before("setAux");
    this.calls.setAux++;
    const row = this.rows.get(id);
    if (row === undefined) return false;
    this.rows.set(id, { region: { ...row.region, aux }, values: row.values });
    return true;
  }

  print(id: number): Counters | undefined {
    this.before("print");
    this.calls.print++;
    const row = this.rows.get(id);
    return row && { values: [...row.values], histogram: [] };
  }

  /** A write: one I/O in each region it touches, and its sectors exactly. */
  write(start: number, length: number): void {
    for (const { region, values } of this.rows.values()) {
      const from = Math.max(start, region.start);
      const to = Math.min(start + length, region.start + region.length);
      if (from >= to) continue;
      values[4] += 1n;
      values[6] += BigInt(to - from);
    }
  }

  aux(id: number): string | undefined {
    return this.rows.get(id)?.region.aux;
  }
}
