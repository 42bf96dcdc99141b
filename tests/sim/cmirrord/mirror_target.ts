/** dm-mirror of one node: one worker that clears, recovers, marks, flushes and writes (drivers/md/dm-raid1.c, dm-region-hash.c). */
import {
  CLEAR_REGION,
  DTR,
  FLUSH,
  GET_REGION_SIZE,
  GET_RESYNC_WORK,
  GET_SYNC_COUNT,
  IN_SYNC,
  IS_REMOTE_RECOVERING,
  MARK_REGION,
  POSTSUSPEND,
  PRESUSPEND,
  RESUME,
  SET_REGION_SYNC,
} from "../../../daemons/cmirrord/ulog.ts";
import type { Random } from "../../fuzz/random.ts";
import type { Clock } from "./clock.ts";
import type { Connector, Reply, Task, Wait } from "./kernel.ts";
import type { Leg, Legs } from "./legs.ts";

const REMOTE_LIMIT_MS = 250;
const ESRCH = -3;

interface Region {
  /** Writes to both legs under way; while there are any, it is marked. */
  pending: number;
  isMarked: boolean;
  isRecovering: boolean;
  /** It was not in sync when it was written: remembered until this node has recovered it (dm-region-hash.c, rh_update_states). */
  isBehind: boolean;
  /**
   * It was taken for such as there was no daemon: between CTR and RESUME it died, and the kernel gave up (userspace_do_request()). It
   * tells nobody, then or later.
   */
  isForlorn: boolean;
  /** Writes to the first leg only. */
  primaryOnly: number;
}

export class MirrorTarget {
  readonly regions: Region[];
  /** Regions to write to, one sector each. */
  queue: number[] = [];
  #toClear = new Set<number>();
  #recovered: number[] = [];
  #hint = 0;
  #remoteAskedMs = -Infinity;
  #recovering = -1;
  #idlePasses = 0;
  /** What the operator wants; `state` is what is. */
  wanted: "up" | "suspended" | "gone" = "up";
  state: "new" | "up" | "suspended" | "gone" = "new";
  written = 0;
  isDead = false;

  constructor(
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly connector: Connector,
    private readonly legs: Legs,
    private readonly node: number,
    private readonly mayBeCopied: (node: number) => boolean,
  ) {
    this.regions = Array.from({ length: legs.regions }, () => ({
      pending: 0,
      isMarked: false,
      isRecovering: false,
      isBehind: false,
      isForlorn: false,
      primaryOnly: 0,
    }));
  }

  get isIdle(): boolean {
    return this.queue.length === 0 && this.#toClear.size === 0 && this.#recovering < 0 &&
      this.regions.every(({ pending, primaryOnly }) => pending + primaryOnly === 0);
  }

  /** Whether nothing is under way, and all that is queued is for regions of that kind. */
  waitsOnlyFor(isSuch: (region: number) => boolean): boolean {
    return this.#isQuiet() && this.queue.every(isSuch);
  }

  /** The region that it recovers, until the daemon has said that it has heard of the end; -1 for none. */
  get recovering(): number {
    return this.#recovering;
  }

  /** Below which region it does not ask whether one is recovered. */
  get hint(): number {
    return this.#hint;
  }

  get isSynced(): boolean {
    return this.#hint >= this.legs.regions;
  }

  /** Where it may write, or copies, whoever else does. */
  isAt(region: number): boolean {
    const { isMarked, isRecovering, pending, primaryOnly } = this.regions[region];
    return isMarked || isRecovering || pending + primaryOnly > 0;
  }

  /** Whether a region was not in sync when it was written: it is written on its first leg only from then on, until recovered here. */
  isBehind(region: number): boolean {
    return this.regions[region].isBehind;
  }

  /** The life of a table: loaded, resumed, at work, suspended, removed. */
  *life(): Task {
    const { connector } = this;
    // A load fails where there is no daemon; the operator tries again.
    while ((yield* connector.construct(false)).error !== 0) yield* connector.sleep(500);
    yield* connector.ask(GET_REGION_SIZE);
    yield* this.#countSync();
    while (this.wanted !== "gone") {
      if (this.wanted === "up") yield* this.#live();
      else yield* connector.sleep(5);
    }
    while (connector.readers > 0) yield* connector.sleep(5);
    yield* connector.ask(DTR);
    this.state = "gone";
  }

  *#live(): Wait<void> {
    const { connector } = this;
    // Where there is no daemon the mirror goes live nevertheless; its first request introduces it.
    yield* connector.ask(RESUME);
    this.#hint = 0;
    this.state = "up";
    while (this.wanted === "up" || this.#isBusyRecovering) yield* this.#work();
    yield* connector.ask(PRESUSPEND);
    do yield* this.#work(); while (!this.#isQuiet());
    yield* connector.ask(POSTSUSPEND);
    this.state = "suspended";
  }

  get #isBusyRecovering(): boolean {
    return this.#recovering >= 0 || this.#recovered.length > 0;
  }

  /** All that was begun is ended; queued writes stay queued over a suspend. */
  #isQuiet(): boolean {
    return !this.#isBusyRecovering && this.#toClear.size === 0 &&
      this.regions.every(({ pending, primaryOnly }) => pending + primaryOnly === 0);
  }

  *#work(): Wait<void> {
    yield* this.#endRecoveries();
    if (this.wanted === "up") yield* this.#beginRecovery();
    const writes = this.wanted === "up" ? this.queue.splice(0, 4) : [];
    const { both, first } = yield* this.#sort(writes);
    if (yield* this.#flush(both)) {
      for (const region of both) this.#write(region, true);
      for (const region of first) this.#write(region, false);
    } else this.queue.push(...both, ...first);
    yield* this.#rest(writes.length > 0 || this.#recovered.length > 0);
  }

  /** The worker runs when it is woken; the longer there was nothing to do, the less it looks. */
  *#rest(wasBusy: boolean): Wait<void> {
    this.#idlePasses = wasBusy ? 0 : Math.min(this.#idlePasses + 1, 20);
    yield* this.connector.sleep(1 + this.random.below(4) + 3 * this.#idlePasses);
  }

  *#countSync(): Wait<void> {
    const { words } = yield* this.connector.ask(GET_SYNC_COUNT);
    if ((words[0] ?? 0) >= this.legs.regions) this.#hint = this.legs.regions;
  }

  *#beginRecovery(): Wait<void> {
    if (this.#recovering >= 0 || this.#hint >= this.legs.regions) return;
    const { error, words } = yield* this.connector.ask(GET_RESYNC_WORK);
    if (error !== 0 || words[0] !== 1) return yield* this.#countSync();
    const region = words[1];
    this.#recovering = region;
    this.regions[region].isRecovering = true;
    const other = this.legs.recoveries.get(region);
    if (other !== undefined && !this.mayBeCopied(other)) {
      throw new Error(`nodes ${other} and ${this.node} recover ${region}`);
    }
    this.legs.recoveries.set(region, this.node);
    yield* this.connector.ask(IN_SYNC, [region]);
    this.#copyWhenQuiet(region);
  }

  #copyWhenQuiet(region: number): void {
    const { pending, primaryOnly } = this.regions[region];
    if (this.isDead) return;
    if (pending + primaryOnly > 0) {
      this.clock.after(1, () => this.#copyWhenQuiet(region));
      return;
    }
    const content = this.legs.readRegion(region);
    this.clock.after(this.random.below(30), () => {
      if (this.isDead) return;
      this.legs.writeRegion(region, content);
      if (this.legs.recoveries.get(region) === this.node) this.legs.recoveries.delete(region);
      this.#recovered.push(region);
    });
  }

  *#endRecoveries(): Wait<void> {
    for (let r = this.#recovered.pop(); r !== undefined; r = this.#recovered.pop()) {
      const region = r;
      const { error } = yield* this.connector.ask(SET_REGION_SYNC, [region, 1]);
      // Where the daemon dies between CTR and RESUME the kernel gives up, and goes on as if it had been heard.
      if (error !== 0 && error !== ESRCH) throw new Error(`SET_REGION_SYNC: ${error}`);
      this.#toClear.add(region);
      this.regions[region].isRecovering = false;
      this.regions[region].isBehind = false;
      this.regions[region].isForlorn = false;
      this.#recovering = -1;
      yield* this.#countSync();
    }
  }

  /** Which writes go to both legs, and which to the first; those that must wait are queued again. */
  *#sort(writes: readonly number[]): Wait<{ both: number[]; first: number[] }> {
    const both: number[] = [];
    const first: number[] = [];
    for (const region of new Set(writes)) {
      const state = this.regions[region];
      if (state.isRecovering || state.pending + state.primaryOnly > 0) this.#later(region);
      else if (yield* this.#isRemote(region)) this.#later(region);
      else if (state.isBehind) first.push(region);
      else if (state.isMarked || (yield* this.#isInSync(region))) both.push(region);
      else {
        state.isBehind = true;
        first.push(region);
      }
    }
    return { both, first };
  }

  #later(region: number): void {
    this.clock.after(200, () => this.queue.push(region));
  }

  *#isRemote(region: number): Wait<boolean> {
    if (region < this.#hint) return false;
    if (this.clock.nowMs < this.#remoteAskedMs + REMOTE_LIMIT_MS) return true;
    this.#remoteAskedMs = this.clock.nowMs;
    const { error, words }: Reply = yield* this.connector.ask(IS_REMOTE_RECOVERING, [region]);
    if (error !== 0) return true;
    this.#hint = words[1];
    return words[0] === 1;
  }

  *#isInSync(region: number): Wait<boolean> {
    const { error, words } = yield* this.connector.ask(IN_SYNC, [region]);
    this.regions[region].isForlorn = error === ESRCH;
    return error === 0 && words[0] === 1;
  }

  /** Clears, then marks, then the flush that makes them safe. */
  *#flush(both: readonly number[]): Wait<boolean> {
    const clears = [...this.#toClear].filter((r) => !both.includes(r));
    for (const region of both) this.#toClear.delete(region);
    const marks = [...new Set(both)].filter((region) => !this.regions[region].isMarked);
    if (clears.length + marks.length === 0) return true;
    for (const region of clears) {
      this.#toClear.delete(region);
      this.regions[region].isMarked = false;
    }
    if (clears.length > 0) yield* this.connector.ask(CLEAR_REGION, clears);
    if (marks.length > 0) {
      const { error } = yield* this.connector.ask(MARK_REGION, marks);
      if (error !== 0) return false;
    }
    const { error } = yield* this.connector.ask(FLUSH);
    if (error !== 0) return marks.length === 0;
    for (const region of marks) this.regions[region].isMarked = true;
    return true;
  }

  /** A write to both legs or to the first; each leg takes its time. */
  #write(region: number, both: boolean): void {
    const { legs } = this;
    const state = this.regions[region];
    const sector = legs.sector(region, this.node);
    const value = legs.nextValue();
    if (both) state.pending++;
    else state.primaryOnly++;
    if (state.isForlorn) legs.strayWrites++;
    const reach = (leg: Leg): void => {
      if (this.isDead) return;
      if (state.isForlorn) legs.stray(region);
      legs.write(leg, sector, value);
    };
    if (state.isForlorn) legs.stray(region);
    legs.beginWrite(sector);
    const [one, two] = [this.random.below(20), this.random.below(20)];
    this.clock.after(one, () => reach(0));
    if (both) this.clock.after(two, () => reach(1));
    this.clock.after(Math.max(one, two) + 1, () => this.#end(region, sector, both));
  }

  #end(region: number, sector: number, both: boolean): void {
    if (this.isDead) return;
    const state = this.regions[region];
    this.legs.endWrite(sector);
    this.written++;
    if (!both) {
      state.primaryOnly--;
      return;
    }
    state.pending--;
    if (state.pending > 0) return;
    this.legs.torn.delete(sector);
    this.#toClear.add(region);
  }

  /** The node dies: what it was writing is cut off wherever it stood. */
  die(): void {
    this.isDead = true;
    this.connector.isDead = true;
    for (let region = 0; region < this.legs.regions; region++) {
      const sector = this.legs.sector(region, this.node);
      if (this.regions[region].pending > 0) this.legs.torn.add(sector);
      if (this.regions[region].pending + this.regions[region].primaryOnly > 0) {
        this.legs.endWrite(sector);
      }
      if (this.legs.recoveries.get(region) === this.node) this.legs.recoveries.delete(region);
    }
  }
}
