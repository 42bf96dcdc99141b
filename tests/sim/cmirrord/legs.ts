/**
 * The two legs of the mirror, and the shared log device. Each region has one sector for each node, so that writers of different nodes
 * never write the same place, as the layer above a cluster mirror sees to it.
 */
import { LogImage } from "../../../daemons/cmirrord/disk_log.ts";

export type Leg = 0 | 1;

export class Legs {
  /** What stands in each sector, by leg. */
  readonly #sectors: readonly [Uint32Array, Uint32Array];
  /** Sectors of each region in which the legs differ. */
  readonly #differing: Uint32Array;
  /** Writes under way in each sector, of both legs or of the first only; and those of each region. */
  readonly #inFlight: Uint32Array;
  readonly #busy: Uint32Array;
  readonly #copies: Uint32Array;
  /** Sectors whose last write was cut off by the death of its node: the legs may differ, and the region is dirty. */
  readonly torn: Set<number> = new Set();
  /** Who recovers each region now. */
  readonly recoveries = new Map<number, number>();
  readonly logDevice: Uint8Array;
  /** Whether the log was written once. */
  logExists = false;
  /** How often it was written, and which of these writes was the last one by a daemon of ours. */
  logWrites = 0;
  lastOwnLogWrite = 0;
  /** Regions that were written on one leg for want of a daemon, and how often each had been recovered then. */
  readonly #strays = new Map<number, number>();
  strayWrites = 0;
  readonly #width: number;
  #value = 0;

  constructor(readonly regions: number, nodes: number) {
    this.#width = nodes + 1;
    const size = regions * this.#width;
    this.#sectors = [new Uint32Array(size), new Uint32Array(size)];
    this.#differing = new Uint32Array(regions);
    this.#inFlight = new Uint32Array(size);
    this.#busy = new Uint32Array(regions);
    this.#copies = new Uint32Array(regions);
    this.logDevice = new Uint8Array(new LogImage(regions).bytes.length);
  }

  /** The legs of a new mirror have nothing to do with each other. */
  differ(): void {
    for (let i = 0; i < this.#sectors[1].length; i++) this.write(1, i, this.nextValue());
  }

  sector(region: number, node: number): number {
    return region * this.#width + node;
  }

  nextValue(): number {
    return ++this.#value;
  }

  write(leg: Leg, sector: number, value: number): void {
    const [first, second] = this.#sectors;
    const region = Math.floor(sector / this.#width);
    const differed = first[sector] !== second[sector];
    this.#sectors[leg][sector] = value;
    const differs = first[sector] !== second[sector];
    this.#differing[region] += Number(differs) - Number(differed);
  }

  /** The content of a region on the first leg: what a recovery reads. */
  readRegion(region: number): Uint32Array {
    const start = this.sector(region, 0);
    return this.#sectors[0].slice(start, start + this.#width);
  }

  /** How often the region was recovered. */
  copies(region: number): number {
    return this.#copies[region];
  }

  /** Ends a recovery. */
  writeRegion(region: number, content: Uint32Array): void {
    this.#copies[region]++;
    const start = this.sector(region, 0);
    content.forEach((value, index) => {
      this.write(1, start + index, value);
      this.torn.delete(start + index);
    });
  }

  /** A kernel that could ask nobody writes a region on one leg, whatever the log says. */
  stray(region: number): void {
    this.#strays.set(region, this.#copies[region]);
  }

  /** Whether what was written so has yet to be recovered. */
  isStray(region: number): boolean {
    return this.#strays.get(region) === this.#copies[region];
  }

  beginWrite(sector: number): void {
    this.#inFlight[sector]++;
    this.#busy[Math.floor(sector / this.#width)]++;
  }

  endWrite(sector: number): void {
    this.#inFlight[sector]--;
    this.#busy[Math.floor(sector / this.#width)]--;
  }

  areEqual(region: number): boolean {
    return this.#differing[region] === 0;
  }

  /** Whether the legs are the same in a region, but where a write is under way or was cut off. */
  areEqualAtRest(region: number): boolean {
    if (this.#differing[region] === 0) return true;
    const [first, second] = this.#sectors;
    const start = this.sector(region, 0);
    for (let i = start; i < start + this.#width; i++) {
      if (first[i] !== second[i] && this.#inFlight[i] === 0 && !this.torn.has(i)) return false;
    }
    return true;
  }

  isBusy(region: number): boolean {
    return this.#busy[region] > 0;
  }

  /** `isOwn`: by a daemon of ours. */
  writeLog(content: Uint8Array, offset: number, isOwn: boolean): void {
    this.logDevice.set(content, offset);
    this.logExists = true;
    this.logWrites++;
    if (isOwn) this.lastOwnLogWrite = this.logWrites;
  }

  isCleanOnDisk(region: number): boolean {
    return (this.logDevice[1024 + (region >>> 3)] >>> (region & 7) & 1) === 1;
  }
}
