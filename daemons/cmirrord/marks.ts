/**
 * Which node has marked which region: a hash table of pairs in typed arrays, with linear probing, so that a mark leaves nothing
 * for the collector. The original walks a list for each mark and clear.
 */
import { Bitmap } from "./bitmap.ts";

/** Not a region: MAX_REGIONS is below. */
const FREE = 0xffff_ffff;
const SMALLEST = 64;

export class Marks {
  #regions = new Uint32Array(SMALLEST).fill(FREE);
  #nodes = new Uint32Array(SMALLEST);
  #size = 0;
  /** How many regions a node has marked. Nodes stay in it: they are few, and come back. */
  readonly #counts = new Map<number, number>();
  /** Regions that were marked in a life that is over: whoever it was writes there no more, and has perhaps written one leg. */
  readonly orphans: Bitmap;

  constructor(regionCount: number) {
    this.orphans = new Bitmap(regionCount);
  }

  get size(): number {
    return this.#size;
  }

  /** How many regions `node` has marked. */
  sizeOf(node: number): number {
    return this.#counts.get(node) ?? 0;
  }

  /** Whether `node` has marked any region. */
  isMarker(node: number): boolean {
    return this.sizeOf(node) > 0;
  }

  /** Nodes that have marked regions now or have once. */
  markers(): Iterable<number> {
    return this.#counts.keys();
  }

  has(region: number, node: number): boolean {
    return this.#regions[this.#find(region, node)] !== FREE;
  }

  /** Whether anyone has marked the region, in whatever life. */
  hasAny(region: number): boolean {
    if (this.orphans.has(region)) return true;
    const mask = this.#regions.length - 1;
    for (let i = home(region, mask); this.#regions[i] !== FREE; i = i + 1 & mask) {
      if (this.#regions[i] === region) return true;
    }
    return false;
  }

  /** Whether anyone but `node` has marked the region. */
  hasOther(region: number, node: number): boolean {
    return this.orphans.has(region) || this.isHeldByOther(region, node);
  }

  /** Whether anyone but `node` has marked the region, whose kernel may be writing it. */
  isHeldByOther(region: number, node: number): boolean {
    const mask = this.#regions.length - 1;
    for (let i = home(region, mask); this.#regions[i] !== FREE; i = i + 1 & mask) {
      if (this.#regions[i] === region && this.#nodes[i] !== node) return true;
    }
    return false;
  }

  /** Enters a pair; false when it was there. */
  add(region: number, node: number): boolean {
    const slot = this.#find(region, node);
    if (this.#regions[slot] !== FREE) return false;
    this.#regions[slot] = region;
    this.#nodes[slot] = node;
    this.#count(node, 1);
    if (++this.#size * 2 > this.#regions.length) this.#grow();
    return true;
  }

  /** Takes a pair out; false when it was not there. */
  remove(region: number, node: number): boolean {
    const slot = this.#find(region, node);
    if (this.#regions[slot] === FREE) return false;
    this.#count(node, -1);
    this.#free(slot);
    return true;
  }

  /** The life of a node is over: its marks are nobody's, and stay until their region was recovered. */
  bury(node: number): void {
    const regions: number[] = [];
    this.each((region, one) => {
      if (one === node) regions.push(region);
    });
    for (const region of regions) {
      this.remove(region, node);
      this.orphans.set(region);
    }
  }

  clear(): void {
    this.#regions.fill(FREE);
    this.#size = 0;
    this.#counts.clear();
    this.orphans.empty();
  }

  #count(node: number, change: number): void {
    this.#counts.set(node, (this.#counts.get(node) ?? 0) + change);
  }

  /** The pairs: orphans have no node. */
  each(visit: (region: number, node: number) => void): void {
    for (let i = 0; i < this.#regions.length; i++) {
      if (this.#regions[i] !== FREE) visit(this.#regions[i], this.#nodes[i]);
    }
  }

  /** Where the pair is, or the free slot where it would be. */
  #find(region: number, node: number): number {
    const mask = this.#regions.length - 1;
    let i = home(region, mask);
    while (
      this.#regions[i] !== FREE && (this.#regions[i] !== region || this.#nodes[i] !== node)
    ) i = i + 1 & mask;
    return i;
  }

  /** Frees a slot and moves up what would no longer be found behind the gap (Knuth 6.4, algorithm R). */
  #free(slot: number): void {
    const mask = this.#regions.length - 1;
    let gap = slot;
    for (let i = slot + 1 & mask; this.#regions[i] !== FREE; i = i + 1 & mask) {
      if ((i - home(this.#regions[i], mask) & mask) < (i - gap & mask)) continue;
      this.#regions[gap] = this.#regions[i];
      this.#nodes[gap] = this.#nodes[i];
      gap = i;
    }
    this.#regions[gap] = FREE;
    this.#size--;
  }

  #grow(): void {
    const [regions, nodes] = [this.#regions, this.#nodes];
    this.#regions = new Uint32Array(2 * regions.length).fill(FREE);
    this.#nodes = new Uint32Array(2 * nodes.length);
    for (let i = 0; i < regions.length; i++) {
      if (regions[i] === FREE) continue;
      const slot = this.#find(regions[i], nodes[i]);
      this.#regions[slot] = regions[i];
      this.#nodes[slot] = nodes[i];
    }
  }
}

/** Multiplicative hashing: neighbours, which writes often touch together, do not crowd. */
function home(region: number, mask: number): number {
  return (Math.imul(region, 0x9e37_79b1) >>> 7) & mask;
}
