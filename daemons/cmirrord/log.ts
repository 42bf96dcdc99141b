/** The state of one mirror's log, and what a request does to it. Every member executes the same requests in the same order. */
import { Bitmap } from "./bitmap.ts";
import type { Construction } from "./constructor.ts";
import { blockOf } from "./disk_log.ts";
import { EINVAL } from "./errors.ts";
import { Marks } from "./marks.ts";
import { Recovery, type Words } from "./recovery.ts";
import type { MirrorState } from "./mirror_state.ts";
import { type Request, REQUESTS, word } from "./ulog.ts";
import * as ulog from "./ulog.ts";

/** An answer. Reused: overwritten by each execute(). */
export interface Answer extends Words {
  error: number;
  /** How many of the words there are. */
  words: number;
}

/** Who asks, and who executes. */
export interface Occasion {
  readonly originator: number;
  readonly me: number;
}

export class MirrorLog {
  readonly sync: Bitmap;
  readonly clean: Bitmap;
  /** Regions that this node's kernel has marked, in the group already or not yet; outlives the process, as the two above. */
  readonly own: Bitmap;
  /** Regions that other nodes have marked. */
  readonly foreign: Bitmap;
  readonly marks: Marks;
  readonly recovery: Recovery;
  /** Whether bits changed that FLUSH has yet to write. */
  touched = false;
  /** Whether all regions were in sync once since the resume. Then writes go to all legs, whatever the bits say. */
  wholeOnce = false;
  resumed = false;
  /** Blocks of the log on disk that are not as the bits. */
  readonly staleBlocks: Set<number> = new Set();
  /** What GET_SYNC_COUNT of the original says: it counts bits behind the last region too, but only after the answer. */
  syncCount: number;
  readonly #state: MirrorState;
  /** Regions that were called in sync and are not any more: a kernel that asks now has perhaps been told that nobody recovers them. */
  readonly #doubted = new Set<number>();

  constructor(
    readonly construction: Construction,
    state: MirrorState,
    readonly original: boolean,
  ) {
    this.#state = state;
    this.sync = state.sync;
    this.clean = state.clean;
    this.own = state.own;
    this.foreign = state.foreign;
    this.marks = new Marks(construction.regionCount);
    this.recovery = new Recovery(construction.regionCount, this.marks, original);
    this.syncCount = this.sync.count;
  }

  /** Below which region this node's kernel does not ask whether one is recovered. */
  get hint(): number {
    return this.#state.hint;
  }

  /** The kernel was told that nobody recovers anything below `region`; 0: it has begun anew, and asks for each. */
  noteHint(region: number): void {
    if (region === 0 || region > this.hint) {
      this.#state.noteHint(Math.min(region, this.regionCount));
    }
  }

  get regionCount(): number {
    return this.construction.regionCount;
  }

  /** What CTR does: nothing is clean; all is in sync with `nosync`. */
  construct(): void {
    this.clean.empty();
    this.own.empty();
    this.foreign.empty();
    if (this.construction.sync === "nosync") this.sync.fill();
    else this.sync.empty();
    this.syncCount = this.sync.count;
  }

  /** The bits are there, by reading or by a checkpoint: begins anew with them. */
  resume(): void {
    this.clean.clearTail();
    this.sync.clearTail();
    this.syncCount = this.sync.count;
    this.recovery.reset();
    this.#doubted.clear();
    this.wholeOnce = false;
    this.resumed = true;
  }

  /** Executes a request that was checked (decodeMessage()). FLUSH is not here: it is the writer's (flush.ts). */
  execute(request: Request, occasion: Occasion, answer: Answer): void {
    answer.error = 0;
    answer.words = 0;
    const execute = EXECUTE[request.type];
    if (execute === undefined || !this.#inRange(request)) answer.error = EINVAL;
    else execute(this, request, occasion, answer);
  }

  /** Answers a request that was executed before: asked anew, a node gets the work that it was given. */
  answer(request: Request, answer: Answer): void {
    answer.error = this.#inRange(request) ? 0 : EINVAL;
    answer.first = 0;
    answer.second = 0;
    answer.words = ANSWER_WORDS[request.type] ?? 0;
    if (request.type === ulog.IS_REMOTE_RECOVERING) {
      answer.first = this.sync.has(word(request, 0)) ? 0 : 1;
    } else if (request.type === ulog.IS_CLEAN) {
      answer.first = this.clean.has(word(request, 0)) ? 1 : 0;
    }
  }

  mark(region: number, node: number, me: number): void {
    const first = this.original && !this.marks.hasAny(region);
    if (!this.marks.add(region, node)) return;
    if (node !== me) this.foreign.set(region);
    // The original does not look whether the bit changes: after a checkpoint it writes what is on the disk already.
    if (this.clean.clear(region) || first) this.touch(region);
  }

  unmark(region: number, node: number, me: number): void {
    this.marks.remove(region, node);
    if (node !== me && !this.marks.hasOther(region, me)) this.foreign.clear(region);
    if (this.marks.hasAny(region) || !this.sync.has(region)) return;
    if (this.clean.set(region) || this.original) this.touch(region);
  }

  /** The marks were taken from elsewhere: no marked region is clean. */
  applyMarks(me: number): void {
    const { orphans } = this.marks;
    this.foreign.copy(orphans.bytes);
    this.clean.subtract(orphans.bytes);
    this.marks.each((region, node) => {
      this.clean.clear(region);
      if (node !== me) this.foreign.set(region);
    });
  }

  /** A region may have been left half written, by whom is not known. */
  orphan(region: number): void {
    this.marks.orphans.set(region);
    this.foreign.set(region);
    if (this.clean.clear(region)) this.touch(region);
  }

  touch(region: number): void {
    this.touched = true;
    this.staleBlocks.add(blockOf(region));
  }

  setSync(region: number, inSync: boolean, node: number, me: number): void {
    if (!this.recovery.finish(region, inSync, node)) return;
    if (inSync) this.#doubted.delete(region);
    const changed = inSync ? this.sync.set(region) : this.sync.clear(region);
    if (changed) this.touch(region);
    this.syncCount = this.sync.count;
    if (this.sync.count === this.regionCount) this.wholeOnce = true;
    if (this.original) return;
    // D6: what a dead node may have left half done is whole again. Its mark has no one else to take it away.
    if (inSync) this.#forgetDead(region, me);
    else if (this.clean.clear(region)) this.touch(region);
  }

  /** What a node's kernel copies that never stopped; what it has written meanwhile, as far as the group may not have known. */
  claim(node: number, region: number, written: readonly number[], me: number): void {
    const { recovery } = this;
    const isKnown = recovery.known.has(node);
    if (!recovery.claim(node, region) && this.sync.has(region)) this.#doubt(region);
    for (const one of written) {
      if (one >= this.regionCount) continue;
      if (!isKnown && !recovery.trust(one) && this.sync.has(one)) this.#doubt(one);
      this.mark(one, node, me);
    }
  }

  /** The legs may differ: the region is recovered once more, by a kernel that still asks for work. */
  #doubt(region: number): void {
    this.recovery.urge(region);
    this.#doubted.add(region);
    this.sync.clear(region);
    this.clean.clear(region);
    this.syncCount = this.sync.count;
    this.touch(region);
  }

  #forgetDead(region: number, me: number): void {
    if (!this.marks.orphans.clear(region)) return;
    if (!this.marks.hasOther(region, me)) this.foreign.clear(region);
  }

  /**
   * Below its hint the kernel asks nobody whether a region is recovered; were it told that one is not in sync, it would write it on one
   * leg for good (dm-region-hash keeps such a region), while another node may recover it.
   */
  isInSync(region: number): boolean {
    if (this.wholeOnce || this.sync.has(region)) return true;
    if (this.original) return false;
    return region < this.hint || this.recovery.broken.has(region) || this.#doubted.has(region);
  }

  /** GET_SYNC_COUNT. */
  countSync(): number {
    const count = this.syncCount;
    if (count >= this.regionCount) this.noteHint(this.regionCount);
    this.syncCount = this.original ? this.sync.countAll() : this.sync.count;
    return count;
  }

  /** All regions that a request names exist. */
  #inRange(request: Request): boolean {
    if (request.type === ulog.SET_REGION_SYNC) return word(request, 0) < this.regionCount;
    if (REQUESTS[request.type]?.words !== true) return true;
    const count = request.dataBytes / 8;
    for (let i = 0; i < count; i++) if (word(request, i) >= this.regionCount) return false;
    return true;
  }
}

type Execute = (log: MirrorLog, request: Request, occasion: Occasion, answer: Answer) => void;

const isClean: Execute = (log, request, _occasion, answer) => {
  answer.first = log.clean.has(word(request, 0)) ? 1 : 0;
  answer.words = 1;
};

const markRegions: Execute = (log, request, { originator, me }) => {
  const count = request.dataBytes / 8;
  for (let i = 0; i < count; i++) log.mark(word(request, i), originator, me);
};

const clearRegions: Execute = (log, request, { originator, me }) => {
  const count = request.dataBytes / 8;
  for (let i = 0; i < count; i++) log.unmark(word(request, i), originator, me);
};

const getResyncWork: Execute = (log, _request, { originator }, answer) => {
  log.recovery.choose(log.sync, originator, answer);
  answer.words = 2;
};

const setRegionSync: Execute = (log, request, { originator, me }) => {
  log.setSync(word(request, 0), word(request, 1) !== 0, originator, me);
};

const isRemoteRecovering: Execute = (log, request, { originator, me }, answer) => {
  answer.words = 2;
  const { recovery } = log;
  // D22: the original answers so to every node, and then none recovers anything until its next resume.
  const halted = recovery.halted && (log.original || originator === me);
  if (!halted || !log.original) recovery.ask(log.sync, word(request, 0), answer);
  if (!halted) return;
  answer.first = 0;
  answer.second = log.regionCount;
};

/** Words of an answer, by type number. */
const ANSWER_WORDS: Readonly<Record<number, number>> = {
  [ulog.IS_CLEAN]: 1,
  [ulog.GET_RESYNC_WORK]: 2,
  [ulog.IS_REMOTE_RECOVERING]: 2,
};

const nothing: Execute = () => {};

/** By type number: what every member does. */
const EXECUTE: readonly (Execute | undefined)[] = Object.assign(new Array(ulog.TYPE_MASK), {
  [ulog.IS_CLEAN]: isClean,
  [ulog.MARK_REGION]: markRegions,
  [ulog.CLEAR_REGION]: clearRegions,
  [ulog.GET_RESYNC_WORK]: getResyncWork,
  [ulog.SET_REGION_SYNC]: setRegionSync,
  [ulog.STATUS_INFO]: nothing,
  [ulog.IS_REMOTE_RECOVERING]: isRemoteRecovering,
});
