/** Which region is recovered next, and by whom: every member chooses alike, from the same messages in the same order. */
import { Bitmap } from "./bitmap.ts";
import type { Marks } from "./marks.ts";

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
  /**
   * Regions whose recoverer's daemon has died, by node: its kernel goes on copying, so that nobody else may. (The original leaves
   * all recovery to a node that may never come back.)
   */
  readonly held = new Map<number, number>();
  /**
   * Regions that a node set out of sync because a write to a leg failed. Its kernel writes them from now on without asking, so that
   * nobody can recover them; all nodes write all legs that they have. The next resume as the first member recovers them.
   */
  readonly broken = new Set<number>();
  /** Regions under recovery whose copy is worth nothing, as another node has copied or written there meanwhile: they are copied again. */
  readonly spoiled = new Set<number>();
  /** Nodes that this group has heard of since it began with a first member, and whether they run our daemon. */
  readonly known = new Map<number, boolean>();
  /** Whether daemons of lvm2 are members: what they take for recovered is so for all, as all must write the same legs. */
  isMixed = false;
  /** Whether any were since this group began: then members of ours may differ in what they would choose, and the server's word counts. */
  wasMixed = false;
  /** Regions that were handed out since then. */
  readonly copied: Bitmap;

  /** `marks`: who may be writing. `original`: chooses as lvm2's daemon does where it goes wrong. */
  constructor(
    readonly regionCount: number,
    private readonly marks: Marks,
    readonly original: boolean,
  ) {
    this.copied = new Bitmap(regionCount);
  }

  /** A group begins, with its first member: nobody else is known. */
  begin(first: number): void {
    this.known.clear();
    this.known.set(first, true);
    this.copied.empty();
  }

  reset(): void {
    this.search = 0;
    this.halted = false;
    this.priority.length = 0;
    this.held.clear();
    this.broken.clear();
    this.spoiled.clear();
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
    if (this.#repeat(requester, answer)) return;
    const region = this.#next(sync, requester);
    if (region >= this.regionCount) {
      answer.second = this.#end();
      return;
    }
    this.#give(region, requester);
    answer.first = 1;
    answer.second = region;
  }

  /**
   * IS_REMOTE_RECOVERING: whether a write must wait, and below which region none has to. The original names the region it handed
   * out last; one below it that was not recovered is then written on one leg, while another node may recover it.
   */
  ask(sync: Bitmap, region: number, answer: Words): void {
    const behind = this.isBehind(sync, region);
    answer.first = behind ? 1 : 0;
    answer.second = this.original ? Math.max(this.search - 1, 0) : this.firstBehind(sync, 0);
    if (behind) this.urge(region);
  }

  /** Whether a region is to be recovered. */
  isBehind(sync: Bitmap, region: number): boolean {
    return !sync.has(region) && !this.broken.has(region);
  }

  /** Whether another node than `node` recovers a region of `regions`: then nothing may be written there. */
  isForeign(regions: Bitmap, node: number): boolean {
    if (this.region >= 0 && this.recoverer !== node && regions.has(this.region)) return true;
    for (const [region, by] of this.held) if (by !== node && regions.has(region)) return true;
    return false;
  }

  #give(region: number, node: number): void {
    this.region = region;
    this.recoverer = node;
    this.copied.set(region);
  }

  /**
   * SET_REGION_SYNC of a node. False where it says nothing of the legs: another node copies the region too, or has written there
   * meanwhile, or the copy was made in a life of the node that is over. The original takes any such message for the end of what runs.
   */
  finish(region: number, inSync: boolean, node: number): boolean {
    const isCurrent = region === this.region && (this.original || this.recoverer === node);
    if (this.original || isCurrent) this.region = -1;
    if (this.original) return true;
    if (this.isMixed) return this.#finishMixed(region, inSync);
    const wasUnderWay = isCurrent || this.held.get(region) === node;
    if (this.held.get(region) === node) this.held.delete(region);
    if (this.#isCopied(region)) return this.#spoil(region);
    const isWorthless = this.#wasSpoiled(region) || (inSync && !wasUnderWay);
    if (isWorthless) return false;
    if (inSync) this.broken.delete(region);
    else if (!wasUnderWay) this.broken.add(region);
    return true;
  }

  #finishMixed(region: number, inSync: boolean): true {
    if (this.region === region) this.region = -1;
    this.held.delete(region);
    this.spoiled.delete(region);
    if (inSync) this.broken.delete(region);
    return true;
  }

  #isCopied(region: number): boolean {
    return region === this.region || this.held.has(region);
  }

  #spoil(region: number): false {
    this.spoiled.add(region);
    return false;
  }

  /** Whether the copy that has ended must be made again. */
  #wasSpoiled(region: number): boolean {
    if (!this.spoiled.delete(region)) return false;
    this.urge(region);
    return true;
  }

  /** A region is to be recovered before others, where it is not under way. */
  urge(region: number): void {
    if (!this.#isCopied(region) && !this.priority.includes(region)) this.priority.push(region);
  }

  /** A server of lvm2 has no work for a node. */
  refuse(node: number): void {
    this.#release(node);
    const { region } = this;
    if (region < 0 || this.recoverer !== node) return;
    this.region = -1;
    this.urge(region);
  }

  /** A server of lvm2 has chosen, by its own rules. */
  adopt(region: number, node: number): void {
    this.#release(node, region);
    if (this.held.has(region)) return;
    // Ours would have chosen another one, which is to be recovered all the same.
    const other = this.region;
    this.#give(region, node);
    // `search` stays: there may be millions of regions up to this one, and all of them are yet to be looked at.
    if (other >= 0) this.urge(other);
  }

  /** A node is gone, its kernel too, or at rest: what it recovered is nobody's, and comes first. */
  abandon(node: number): void {
    this.hold(node);
    this.#release(node);
  }

  /** A node holds nothing any more, but for one region. A kernel that is answered has asked for work, and so has none. */
  #release(node: number, except = -1): void {
    for (const [region, by] of this.held) {
      if (by !== node || region === except) continue;
      this.held.delete(region);
      this.urge(region);
    }
  }

  /** Nodes that are no members, and hold or have marked regions. */
  absent(members: readonly number[]): Set<number> {
    const nodes = new Set(this.held.values());
    for (const node of this.marks.markers()) if (this.marks.isMarker(node)) nodes.add(node);
    for (const node of members) nodes.delete(node);
    return nodes;
  }

  /**
   * A node whose kernel never stopped says what it recovers: `region`, or nothing (-1). Its kernel copies, or will, whatever the group
   * has thought meanwhile: nobody writes there before it is done. False where the group did not know, and may have copied or written
   * there itself.
   */
  claim(node: number, region: number): boolean {
    const isKnown = this.isMixed || this.held.get(region) === node ||
      (this.region === region && this.recoverer === node);
    this.abandon(node);
    if (region < 0 || region >= this.regionCount) return true;
    if (!isKnown) this.spoiled.add(region);
    if (!this.held.has(region)) this.held.set(region, node);
    const urgent = this.priority.indexOf(region);
    if (urgent >= 0) this.priority.splice(urgent, 1);
    return isKnown;
  }

  /**
   * A node that the group did not know of has written a region all the while. False where the legs may differ by that: who copied it
   * did not wait for the writes.
   */
  trust(region: number): boolean {
    if (this.isMixed) return true;
    if (this.#isCopied(region)) return this.#spoil(region);
    return !this.copied.has(region) || this.marks.hasAny(region);
  }

  /** What nodes that are no members have recovered is nobody's, and what they have marked may be recovered. */
  lapse(members: readonly number[]): void {
    for (const node of this.absent(members)) {
      this.abandon(node);
      this.marks.bury(node);
    }
  }

  /** A node's daemon is gone, its kernel perhaps not: what it recovers stays its own. */
  hold(node: number): void {
    if (this.region < 0 || this.recoverer !== node) return;
    this.held.set(this.region, node);
    this.region = -1;
  }

  /** A question asked again, after a change of the server, gets the same answer. True when this is the answer. */
  #repeat(requester: number, answer: Words): boolean {
    let own = this.region >= 0 && requester === this.recoverer ? this.region : -1;
    for (const [region, by] of this.held) if (by === requester) own = region;
    if (own >= 0) {
      answer.first = 1;
      answer.second = own;
    }
    return own >= 0 || this.region >= 0;
  }

  #next(sync: Bitmap, requester: number): number {
    for (let i = this.priority.length - 1; i >= 0; i--) {
      const urgent = this.priority[i];
      const behind = this.isBehind(sync, urgent) && !this.held.has(urgent);
      if (behind && this.#isWritten(urgent, requester)) continue;
      this.priority.splice(i, 1);
      if (behind) return urgent;
    }
    if (this.search >= this.regionCount) return this.regionCount;
    let region = this.firstBehind(sync, this.search);
    while (this.held.has(region) || this.#isWritten(region, requester)) {
      this.#later(region);
      region = this.firstBehind(sync, region + 1);
    }
    if (region < this.regionCount) this.search = region + 1;
    return region;
  }

  /** Whether another node may be writing the region: it was in sync for that one once. */
  #isWritten(region: number, requester: number): boolean {
    return !this.original && this.marks.isHeldByOther(region, requester);
  }

  /** A region that is passed over now is not forgotten. */
  #later(region: number): void {
    this.urge(region);
  }

  /** The first region from `start` on that is to be recovered; regionCount for none. */
  firstBehind(sync: Bitmap, start: number): number {
    let region = sync.nextClear(start);
    while (this.broken.has(region)) region = sync.nextClear(region + 1);
    return region;
  }

  /** Nothing found: the first such answer carries regionCount, later ones nothing. */
  #end(): number {
    const first = this.search <= this.regionCount;
    this.search = this.regionCount + 1;
    return first ? this.regionCount : 0;
  }
}
