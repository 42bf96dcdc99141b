/** Which region is recovered next, and by whom: every member chooses alike, from the same messages in the same order. */
import type { Bitmap } from "./bitmap.ts";

/** An answer of two words. */
export interface Words {
  first: number;
  second: number;
}

export class Recovery {
  /** The region under recovery; -1 for none. */
  region = -1;
  /** The node that recovers it. 2^32-1 after a suspend, 0 at first: as the original tells it in checkpoints. */
  recoverer = 0;
  /** Regions from here on were not looked at yet; regionCount+1 when none is left. */
  search = 0;
  /** Set by PRESUSPEND of this node. */
  halted = false;
  /** Regions that a write waits for, last asked first served. */
  readonly priority: number[] = [];

  /** `original`: chooses as lvm2's daemon does where it goes wrong. */
  constructor(readonly regionCount: number, readonly original: boolean) {}

  reset(): void {
    this.search = 0;
    this.halted = false;
    this.priority.length = 0;
  }

  suspend(): void {
    this.region = -1;
    this.recoverer = 0xffff_ffff;
  }

  /** GET_RESYNC_WORK: whether there is work, and the region. */
  choose(sync: Bitmap, requester: number, answer: Words): void {
    answer.first = 0;
    answer.second = 0;
    // The original forgets what runs, and what is urgent, once it has looked at all regions.
    if (this.original && this.search >= this.regionCount) return;
    if (this.region >= 0) return this.#repeat(requester, answer);
    const region = this.#next(sync);
    if (region >= this.regionCount) {
      answer.second = this.#end();
      return;
    }
    this.region = region;
    this.recoverer = requester;
    answer.first = 1;
    answer.second = region;
  }

  /** IS_REMOTE_RECOVERING: whether a write must wait, and below which region none has to. */
  ask(sync: Bitmap, region: number, answer: Words): void {
    const behind = !sync.has(region);
    answer.first = behind ? 1 : 0;
    answer.second = Math.max(this.search - 1, 0);
    if (behind && region !== this.region && !this.priority.includes(region)) {
      this.priority.push(region);
    }
  }

  /** SET_REGION_SYNC. The original takes any such message for the end of what runs; then two nodes could recover one region. */
  finish(region: number): void {
    if (this.original || region === this.region) this.region = -1;
  }

  /** A node is gone: what it recovered is nobody's, and comes first. */
  abandon(node: number): void {
    if (this.region < 0 || this.recoverer !== node) return;
    if (!this.priority.includes(this.region)) this.priority.push(this.region);
    this.region = -1;
  }

  /** A question asked again, after a change of the server, gets the same answer. */
  #repeat(requester: number, answer: Words): void {
    if (requester !== this.recoverer) return;
    answer.first = 1;
    answer.second = this.region;
  }

  #next(sync: Bitmap): number {
    for (let urgent = this.priority.pop(); urgent !== undefined; urgent = this.priority.pop()) {
      if (!sync.has(urgent)) return urgent;
    }
    if (this.search >= this.regionCount) return this.regionCount;
    const region = sync.nextClear(this.search);
    if (region < this.regionCount) this.search = region + 1;
    return region;
  }

  /** Nothing found: the first such answer carries regionCount, later ones nothing. */
  #end(): number {
    const first = this.search <= this.regionCount;
    this.search = this.regionCount + 1;
    return first ? this.regionCount : 0;
  }
}
