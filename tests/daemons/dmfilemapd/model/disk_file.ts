/** A file on a small device, block by block: which sector of the device holds which of the file, and nothing cleverer. */
import type { Random } from "../../../fuzz/random.ts";

export const DEVICE_SECTORS = 160;
const FILE_SECTORS = 96;
const HOLE = -1;

export interface Extent {
  /** In the file, sectors. */
  readonly logical: number;
  /** On the device, sectors. */
  readonly start: number;
  readonly length: number;
}

export class DiskFile {
  /** The device's sector for each of the file's. */
  readonly #blocks: number[] = Array(FILE_SECTORS).fill(HOLE);
  readonly #used = new Set<number>();

  constructor(private readonly random: Random) {
    this.#allocate(0, 1 + random.below(12), 0);
  }

  /** Runs of the file's sectors that are runs on the device, as a file system reports them. */
  get extents(): Extent[] {
    const extents: { logical: number; start: number; length: number }[] = [];
    this.#blocks.forEach((sector, logical) => {
      const last = extents.at(-1);
      if (sector === HOLE) return;
      const follows = last !== undefined && last.logical + last.length === logical &&
        last.start + last.length === sector;
      if (follows) last.length++;
      else extents.push({ logical, start: sector, length: 1 });
    });
    return extents;
  }

  get #size(): number {
    return this.#blocks.findLastIndex((sector) => sector !== HOLE) + 1;
  }

  /** Changes the file in some way that files change. */
  change(): void {
    const at = this.random.below(FILE_SECTORS);
    const length = 1 + this.random.small(16);
    const ways = [
      () => this.#append(length, true),
      () => this.#append(length, true),
      () => this.#append(length, false),
      () => this.#punch(at, length),
      () => this.#fill(at, length),
      () => this.#punch(0, length),
      () => this.#fill(0, length),
      () => this.#copyOnWrite(at, length),
      () => this.#truncate(this.random.below(FILE_SECTORS)),
      () => this.#replace(length),
    ];
    this.random.pick(ways)();
    if (this.#used.size === 0) this.#append(length, false);
  }

  /** Behind the last block of the device that the file has, if wanted and if there is room. */
  #append(length: number, near: boolean): void {
    const size = this.#size;
    const last = size === 0 ? HOLE : this.#blocks[size - 1];
    this.#allocate(size, length, near ? last + 1 : this.random.below(DEVICE_SECTORS));
  }

  #allocate(at: number, length: number, goal: number): void {
    let sector = goal;
    for (let i = at; i < Math.min(at + length, FILE_SECTORS); i++) {
      if (this.#blocks[i] !== HOLE) continue;
      for (let tries = 0; this.#used.has(sector % DEVICE_SECTORS); tries++) {
        if (tries > DEVICE_SECTORS) return;
        sector++;
      }
      this.#blocks[i] = sector % DEVICE_SECTORS;
      this.#used.add(this.#blocks[i]);
      sector++;
    }
  }

  #punch(at: number, length: number): void {
    for (let i = at; i < Math.min(at + length, FILE_SECTORS); i++) {
      this.#used.delete(this.#blocks[i]);
      this.#blocks[i] = HOLE;
    }
  }

  #fill(at: number, length: number): void {
    this.#allocate(at, length, this.random.below(DEVICE_SECTORS));
  }

  /** New blocks for old ones; the old ones are free only afterwards. */
  #copyOnWrite(at: number, length: number): void {
    const olds = this.#blocks.slice(at, at + length);
    const kept = olds.map(() => HOLE);
    this.#blocks.splice(at, kept.length, ...kept);
    this.#fill(at, kept.length);
    for (const old of olds) this.#used.delete(old);
  }

  #truncate(size: number): void {
    this.#punch(size, FILE_SECTORS);
  }

  #replace(length: number): void {
    this.#punch(0, FILE_SECTORS);
    this.#append(length, false);
    this.#fill(40, length);
  }
}
