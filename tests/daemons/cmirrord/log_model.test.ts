/** The log against a model that keeps plain sets and looks at every region each time. */
import { assertEquals } from "@std/assert";
import { type Construction } from "../../../daemons/cmirrord/constructor.ts";
import { type Answer, MirrorLog } from "../../../daemons/cmirrord/log.ts";
import { MirrorState, stateBytes } from "../../../daemons/cmirrord/mirror_state.ts";
import {
  CLEAR_REGION,
  emptyRequest,
  GET_RESYNC_WORK,
  IS_CLEAN,
  IS_REMOTE_RECOVERING,
  MARK_REGION,
  SET_REGION_SYNC,
} from "../../../daemons/cmirrord/ulog.ts";
import { setU64 } from "../../../src/wire/layout.ts";
import { Random } from "../../fuzz/random.ts";

const ME = 1;
const NODES = [1, 2, 3];

/** What the protocol says, as plainly as it can be said. */
class Model {
  readonly sync = new Set<number>();
  readonly clean = new Set<number>();
  readonly marks = new Map<number, Set<number>>();
  readonly orphans = new Set<number>();
  readonly broken = new Set<number>();
  readonly spoiled = new Set<number>();
  /** Nodes that the group does not know of, and what each of them recovers. */
  readonly held = new Map<number, number>();
  readonly known = new Set<number>();
  readonly copied = new Set<number>();
  priority: number[] = [];
  recovered = -1;
  recoverer = 0;
  search = 0;
  end = false;

  constructor(readonly count: number) {}

  #markers(region: number): Set<number> {
    return this.marks.get(region) ?? new Set();
  }

  mark(region: number, node: number): void {
    this.marks.set(region, this.#markers(region).add(node));
    this.clean.delete(region);
  }

  clear(region: number, node: number): void {
    this.#markers(region).delete(node);
    const isMarked = this.#markers(region).size > 0 || this.orphans.has(region);
    if (!isMarked && this.sync.has(region)) this.clean.add(region);
  }

  setSync(region: number, inSync: boolean, node: number): void {
    const isCurrent = region === this.recovered && node === this.recoverer;
    if (isCurrent) this.recovered = -1;
    const isHeld = this.held.get(region) === node;
    if (isHeld) this.held.delete(region);
    if (this.#isCopied(region)) {
      this.spoiled.add(region);
      return;
    }
    if (this.spoiled.delete(region)) return this.#urge(region);
    const wasUnderWay = isCurrent || isHeld;
    if (inSync) {
      if (!wasUnderWay) return;
      this.sync.add(region);
      this.broken.delete(region);
      this.orphans.delete(region);
    } else {
      this.sync.delete(region);
      this.clean.delete(region);
      if (!wasUnderWay) this.broken.add(region);
    }
  }

  #isCopied(region: number): boolean {
    return region === this.recovered || this.held.has(region);
  }

  #urge(region: number): void {
    if (!this.#isCopied(region) && !this.priority.includes(region)) this.priority.push(region);
  }

  #doubt(region: number): void {
    this.sync.delete(region);
    this.clean.delete(region);
    this.#urge(region);
  }

  /** A kernel that never stopped: it copies one region, or none, and has written others. */
  claim(node: number, region: number, written: readonly number[]): void {
    const wasHeld = this.held.get(region) === node ||
      (this.recovered === region && this.recoverer === node);
    this.release(node);
    if (region >= 0) {
      if (!wasHeld) this.spoiled.add(region);
      if (!this.held.has(region)) this.held.set(region, node);
      this.priority = this.priority.filter((one) => one !== region);
      if (!wasHeld && this.sync.has(region)) this.#doubt(region);
    }
    for (const one of written) {
      if (!this.known.has(node)) this.#suspect(one);
      this.mark(one, node);
    }
    this.known.add(node);
  }

  #suspect(region: number): void {
    const isCopied = this.#isCopied(region);
    if (isCopied) this.spoiled.add(region);
    const isMarked = this.#markers(region).size > 0 || this.orphans.has(region);
    if (this.sync.has(region) && (isCopied || (this.copied.has(region) && !isMarked))) {
      this.#doubt(region);
    }
  }

  /** What a node recovered is nobody's. */
  release(node: number): void {
    if (this.recovered >= 0 && this.recoverer === node) {
      this.held.set(this.recovered, node);
      this.recovered = -1;
    }
    for (const [region, by] of this.held) {
      if (by !== node) continue;
      this.held.delete(region);
      this.#urge(region);
    }
  }

  #isBehind(region: number): boolean {
    return !this.sync.has(region) && !this.broken.has(region);
  }

  #isWritten(region: number, requester: number): boolean {
    return [...this.#markers(region)].some((node) => node !== requester);
  }

  work(requester: number): [number, number] {
    const [held] = [...this.held].findLast(([, node]) => node === requester) ?? [-1];
    if (held >= 0) return [1, held];
    if (this.recovered >= 0) return this.recoverer === requester ? [1, this.recovered] : [0, 0];
    const region = this.#choose(requester);
    if (region === undefined) {
      const answer = this.end ? 0 : this.count;
      this.end = true;
      this.search = this.count + 1;
      return [0, answer];
    }
    this.recovered = region;
    this.recoverer = requester;
    this.copied.add(region);
    return [1, region];
  }

  #choose(requester: number): number | undefined {
    const isFree = (region: number): boolean =>
      this.#isBehind(region) && !this.held.has(region) && !this.#isWritten(region, requester);
    const urgent = this.priority.findLast(isFree);
    // Those that were looked at and are not behind are forgotten.
    const from = urgent === undefined ? 0 : this.priority.lastIndexOf(urgent);
    this.priority = this.priority.filter((region, i) =>
      i < from || (region !== urgent && this.#isBehind(region) && !this.held.has(region))
    );
    if (urgent !== undefined) return urgent;
    for (let region = this.search; region < this.count; region++) {
      if (!this.#isBehind(region)) continue;
      if (isFree(region)) {
        this.search = region + 1;
        return region;
      }
      this.#urge(region);
    }
    return undefined;
  }

  isRemote(region: number): [number, number] {
    const behind = this.#isBehind(region);
    let hint = 0;
    while (hint < this.count && !this.#isBehind(hint)) hint++;
    if (behind) this.#urge(region);
    return [behind ? 1 : 0, hint];
  }

  leave(node: number): void {
    for (const [region, markers] of this.marks) {
      if (markers.delete(node)) this.orphans.add(region);
    }
    this.release(node);
  }
}

function construction(regionCount: number): Construction {
  return {
    regionCount,
    regionSizeSectors: 1024,
    device: "",
    answer: "",
    sync: "default",
    blockOnError: false,
  };
}

class Pair {
  readonly log: MirrorLog;
  readonly model: Model;
  readonly #answer: Answer = { error: 0, first: 0, second: 0, words: 0 };

  constructor(private readonly random: Random, regions: number) {
    const state = new MirrorState(new Uint8Array(stateBytes(regions)), regions);
    this.log = new MirrorLog(construction(regions), state, false);
    this.model = new Model(regions);
    for (let region = 0; region < regions; region++) {
      if (random.below(3) > 0) continue;
      for (const bits of [this.log.sync, this.log.clean]) bits.set(region);
      this.model.sync.add(region);
      this.model.clean.add(region);
    }
    this.log.resume();
  }

  #execute(type: number, words: readonly number[], originator: number): Answer {
    const bytes = new Uint8Array(8 * words.length);
    const view = new DataView(bytes.buffer);
    words.forEach((word, index) => setU64(view, 8 * index, word));
    const request = { ...emptyRequest(), bytes, view, data: 0, type, dataBytes: bytes.length };
    this.log.execute(request, { originator, me: ME }, this.#answer);
    return this.#answer;
  }

  step(): void {
    const { random, log, model } = this;
    const region = random.below(model.count);
    const node = random.pick(NODES);
    switch (random.below(10)) {
      case 0:
      case 1:
        this.#execute(MARK_REGION, [region], node);
        return model.mark(region, node);
      case 2:
      case 3:
        this.#execute(CLEAR_REGION, [region], node);
        return model.clear(region, node);
      case 4: {
        const { first, second } = this.#execute(GET_RESYNC_WORK, [], node);
        return assertEquals([first, second], model.work(node));
      }
      case 5: {
        const isOwn = model.recovered >= 0 && random.below(4) > 0;
        const [which, who] = isOwn ? [model.recovered, model.recoverer] : [region, node];
        const inSync = random.below(5) > 0;
        this.#execute(SET_REGION_SYNC, [which, inSync ? 1 : 0], who);
        return model.setSync(which, inSync, who);
      }
      case 6: {
        const { first, second } = this.#execute(IS_REMOTE_RECOVERING, [region], node);
        return assertEquals([first, second], model.isRemote(region));
      }
      case 7: {
        const { first } = this.#execute(IS_CLEAN, [region], node);
        return assertEquals(first === 1, model.clean.has(region));
      }
      case 8:
        if (random.below(10) > 0) return;
        return this.#claim(node);
      default:
        if (random.below(10) > 0) return;
        log.recovery.abandon(node);
        log.marks.bury(node);
        return model.leave(node);
    }
  }

  #claim(node: number): void {
    const { random, log, model } = this;
    const region = random.below(model.count + 1) - 1;
    const written = Array.from({ length: random.below(4) }, () => random.below(model.count));
    log.claim(node, region, written, ME);
    log.recovery.known.set(node, true);
    model.claim(node, region, written);
  }

  compare(): void {
    const { log, model } = this;
    const all = Array.from({ length: model.count }, (_, region) => region);
    const setOf = (has: (region: number) => boolean): number[] => all.filter(has);
    assertEquals(setOf((r) => log.sync.has(r)), setOf((r) => model.sync.has(r)), "in sync");
    assertEquals(setOf((r) => log.clean.has(r)), setOf((r) => model.clean.has(r)), "clean");
    assertEquals(setOf((r) => log.marks.hasAny(r)), setOf((r) => this.#isMarked(r)), "marked");
    assertEquals(log.sync.count, model.sync.size, "the count of regions in sync");
    assertEquals(log.recovery.region, model.recovered, "the region under recovery");
    assertEquals(log.recovery.priority, model.priority, "what is urgent");
    assertEquals([...log.recovery.held], [...model.held], "what absent nodes recover");
  }

  #isMarked(region: number): boolean {
    const { marks, orphans } = this.model;
    return (marks.get(region)?.size ?? 0) > 0 || orphans.has(region);
  }
}

const RUNS = 120;
const STEPS = 400;

Deno.test(`${RUNS} logs do what a model of plain sets does, for ${STEPS} requests each`, () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = new Random(seed);
    const pair = new Pair(random, 1 + random.below(70));
    try {
      for (let step = 0; step < STEPS; step++) {
        pair.step();
        pair.compare();
      }
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
