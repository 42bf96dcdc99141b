/**
 * What a group must have counted, sector by sector, kept without a look at the daemon's tables.
 *
 * `sure`: I/O on a sector while a region of the group covered it that an update may not lose. `maybe`: I/O on sectors whose
 * regions come or go in the update that is under way, which may be counted or not.
 */
import type { Io } from "./kernel.ts";

export interface Reach {
  readonly start: number;
  readonly end: number;
}

/** A region's own count and what it carries, in sectors. */
export interface Counted extends Reach {
  readonly id: number;
  readonly written: number;
  readonly read: number;
}

class Side {
  constructor(
    readonly sure: Float64Array<ArrayBuffer>,
    readonly maybe: Float64Array<ArrayBuffer>,
  ) {}

  clone(): Side {
    return new Side(this.sure.slice(), this.maybe.slice());
  }

  check(name: string, { id, start, end }: Counted, counted: number): void {
    const sum = (all: Float64Array): number => all.subarray(start, end).reduce((a, b) => a + b, 0);
    const least = sum(this.sure);
    const most = least + sum(this.maybe);
    if (counted >= least && counted <= most) return;
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    throw new Error(`region ${id} (${start} to ${end}): ${counted} sectors ${name}, not ${wanted}`);
  }
}

export class Ledger {
  #written: Side;
  #read: Side;
  /** Sectors whose counts the update under way must keep; undefined between updates. */
  #steady: Uint8Array | undefined;

  constructor(private readonly sectors: number) {
    const side = (): Side => new Side(new Float64Array(sectors), new Float64Array(sectors));
    this.#written = side();
    this.#read = side();
  }

  clone(): Ledger {
    const twin = new Ledger(this.sectors);
    twin.#written = this.#written.clone();
    twin.#read = this.#read.clone();
    twin.#steady = this.#steady;
    return twin;
  }

  /** An I/O was counted by whatever regions there are; `covered`: those of the group that stock tools see. */
  count({ write, start, end }: Io, covered: readonly Reach[]): void {
    const side = write ? this.#written : this.#read;
    for (let sector = start; sector < end; sector++) {
      const isSure = this.#steady !== undefined
        ? this.#steady[sector] === 1
        : covered.some((one) => one.start <= sector && sector < one.end);
      (isSure ? side.sure : side.maybe)[sector]++;
    }
  }

  /** An update begins: `kept` regions are wholly inside the file; others go, with what they have counted. */
  begin(kept: readonly Reach[]): void {
    this.#steady = new Uint8Array(this.sectors);
    for (const { start, end } of kept) this.#steady.fill(1, start, end);
    for (const side of [this.#written, this.#read]) {
      side.maybe.fill(0);
      for (let i = 0; i < this.sectors; i++) if (this.#steady[i] === 0) side.sure[i] = 0;
    }
  }

  /** Compares all regions with what they must have counted. Throws an Error. */
  check(regions: readonly Counted[]): void {
    for (const region of regions) {
      this.#written.check("written", region, region.written);
      this.#read.check("read", region, region.read);
    }
  }

  /** The update is over, and what the regions have is what they have. */
  settle(regions: readonly Counted[]): void {
    this.#steady = undefined;
    for (const side of [this.#written, this.#read]) {
      side.maybe.fill(0);
      side.sure.fill(0);
    }
    // A region's sectors stay together for good, so it does not matter which of them has the count.
    for (const { start, written, read } of regions) {
      this.#written.sure[start] = written;
      this.#read.sure[start] = read;
    }
  }
}
