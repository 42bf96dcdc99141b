/**
 * A group of regions that follows a file's extents.
 *
 * Its table is read once, and again when somebody else may have changed something; our own changes are kept track of. Stock tools
 * stumble over a descriptor that names a region which is not there, so: create, then name it; stop naming it, then delete.
 */
import { densify } from "./dense.ts";
import type { Span } from "./fiemap.ts";
import { fitsMessage, formatGroupTag, type GroupTag } from "./group_tag.ts";
import {
  type GroupStyle,
  type Held,
  isAnother,
  isNowhere,
  NOWHERE,
  readGroup,
  readJournal,
  spareAux,
  spareIds,
} from "./group_table.ts";
import { replaceLeader, restoreLeader } from "./leader.ts";
import { mergeLightest } from "./merge.ts";
import { ABSORB_MAX } from "./limits.ts";
import { makePlan, neighboursOf, type Plan } from "./plan.ts";
import { disjoint, endOf } from "./regions.ts";
import { addCounters, type Counters, isZero } from "./stats.ts";
import { type Shortage, shortageOf } from "./shortage.ts";
import { GroupGoneError, type StatsDevice } from "./stats_device.ts";
import { Creator, printSum, settleAux, type Swap, swapIdle } from "./swap.ts";

export { GroupGoneError } from "./stats_device.ts";

/** What a group is held to. */
export interface GroupLimits {
  readonly regions: number;
  /** Regions beyond one for each extent. */
  readonly seams: number;
}

/** Told of every change, for the log. */
export interface GroupNotes {
  created(id: number, span: Span): void;
  deleted(id: number): void;
  renamed(from: number, to: number): void;
}

export interface Applied {
  readonly created: number;
  readonly deleted: number;
  /** Whether there is more to do, which was put off to another turn. */
  readonly more: boolean;
  readonly shortage: Shortage | undefined;
}

/** A change that is being made. */
interface Draft {
  readonly creator: Creator;
  readonly swaps: Swap[];
  shortage: Shortage | undefined;
}

const NOTHING: Applied = { created: 0, deleted: 0, more: false, shortage: undefined };

export class Group {
  #held = new Map<number, Held>();
  #style: GroupStyle | undefined;
  #stale = false;

  constructor(
    private readonly device: StatsDevice,
    private groupId: number,
    private readonly limits: GroupLimits,
    private readonly notes: GroupNotes,
  ) {}

  get id(): number {
    return this.groupId;
  }

  /** All regions of the group, in no order. */
  get members(): readonly Held[] {
    return [...this.#held.values()];
  }

  /** Those that cover something. */
  get #covering(): Held[] {
    return this.members.filter((member) => !isNowhere(member));
  }

  get style(): GroupStyle {
    if (this.#style === undefined) throw new GroupGoneError("the group has not been read");
    return this.#style;
  }

  /** Counts that regions carry for others which were merged into them. */
  get carried(): Counters | undefined {
    const some = this.members.map(({ carry }) => carry).filter((carry) => carry !== undefined);
    return some.length === 0 ? undefined : some.reduce(addCounters);
  }

  /** Regions beyond one for each of `extents` disjoint extents. */
  seams(extents: number): number {
    return Math.max(0, this.#covering.length - extents);
  }

  /** Reads the group from the device; whether it is there. Clears up behind a daemon that was killed. Throws StatsError. */
  refresh(): boolean {
    const rows = this.device.list();
    const table = readGroup(rows, this.groupId);
    if (table === undefined) return this.#restore(rows);
    if (this.#style !== undefined && isAnother(this.groupId, this.#held, this.#style, table)) {
      return false;
    }
    for (const orphan of table.orphans) this.device.remove(orphan);
    for (const member of table.unsettled) settleAux(this.device, this.groupId, member);
    this.#held = table.held;
    this.#style = table.style;
    this.#stale = table.stale;
    return true;
  }

  /** After a listing without the group: puts it together again if a killed daemon left it half changed. */
  #restore(rows: ReturnType<StatsDevice["list"]>): boolean {
    const journal = readJournal(rows, this.groupId);
    if (journal === undefined) {
      for (const spare of spareIds(rows, this.groupId)) this.device.remove(spare);
      return false;
    }
    const { style, tag, spares, id } = journal;
    for (const spare of spares) this.device.remove(spare);
    const seat = { device: this.device, group: this.groupId, style };
    this.#rename(restoreLeader(seat, tag.ids, id));
    if (id !== this.groupId) this.device.remove(id);
    return this.refresh();
  }

  #rename(id: number): void {
    if (id === this.groupId) return;
    this.notes.renamed(this.groupId, id);
    this.groupId = id;
  }

  /**
   * Makes the regions cover `wanted`, in steps of bounded size. `extents`: how many the file has, for the bound on seams.
   * Throws GroupGoneError when the group has vanished, StatsError when the device refuses.
   */
  apply(wanted: readonly Span[]): Applied {
    const space = disjoint(wanted);
    const plan = this.#planFor(space);
    const done = this.#isNothing(plan) ? NOTHING : this.#carryOut(plan, space);
    const isFull = done.shortage === "regions";
    if (done.more || (done.shortage !== undefined && !isFull)) return done;
    const { size } = this.#held;
    const shortage = this.#compact(space);
    // There is room now for what had none.
    if (isFull && this.#held.size < size) return { ...done, more: true, shortage };
    return { ...done, shortage: shortage ?? done.shortage };
  }

  /** Nothing is changed by a table that others may have changed since: an id may be theirs by now. Throws GroupGoneError. */
  #planFor(space: readonly Span[]): Plan {
    const make = (): Plan => makePlan(space, this.#held, this.groupId, this.limits.regions);
    const plan = make();
    const isDue = !this.#isNothing(plan) || this.seams(space.length) > this.#seamLimit(space);
    if (!isDue || !this.device.isListStale()) return plan;
    if (!this.refresh()) throw new GroupGoneError(`group ${this.groupId} has gone`);
    return make();
  }

  #isNothing({ gone, spans, leaderGoes, isShort }: Plan): boolean {
    return gone.length === 0 && spans.length === 0 && !leaderGoes && !isShort && !this.#stale;
  }

  #carryOut({ gone, spans, leaderGoes, more, isShort }: Plan, space: readonly Span[]): Applied {
    const [successor, ...others] = leaderGoes ? spans : [undefined, ...spans];
    // First of all, so that it is done where there is no room for more.
    const left = leaderGoes ? this.#finish(this.#draft(), gone) : undefined;
    const shortage = leaderGoes ? this.#replaceLeader(successor) : undefined;
    const draft = { ...this.#draft(), shortage };
    const removed = leaderGoes ? [] : gone;
    try {
      const within = others.length <= ABSORB_MAX ? space : [];
      for (const span of others) this.#cover(draft, span as Span, within, removed);
      this.#commit(draft, removed);
    } catch (error) {
      if (error instanceof GroupGoneError) {
        // Nobody will ever name them.
        for (const { region } of draft.swaps) this.device.remove(region.id);
      }
      throw error;
    } finally {
      draft.creator.release();
    }
    return {
      created: draft.swaps.length + (successor === undefined ? 0 : 1),
      deleted: gone.length + (leaderGoes ? 1 : 0),
      more: more && draft.shortage === undefined,
      shortage: draft.shortage ?? left ?? (isShort ? "regions" : undefined),
    };
  }

  #draft(): Draft {
    const creator = new Creator(this.device, this.groupId, this.style);
    return { creator, swaps: [], shortage: undefined };
  }

  /** Adds a region for `span` to the draft; together with its neighbours in the extent where those have counted nothing. */
  #cover(draft: Draft, span: Span, space: readonly Span[], gone: readonly Held[]): void {
    if (draft.shortage !== undefined) return;
    try {
      const idle = this.#idleNeighbours(draft, span, space, gone);
      const joined = idle.length === 0 ? undefined : this.#absorb(draft, span, idle);
      draft.swaps.push(
        joined ??
          { region: { ...span, id: draft.creator.create(span), carry: undefined }, gone: [] },
      );
    } catch (error) {
      draft.shortage = shortageOf(error);
    }
  }

  #absorb(draft: Draft, span: Span, idle: readonly Held[]): Swap | undefined {
    const start = Math.min(span.start, ...idle.map((one) => one.start));
    const end = Math.max(endOf(span), ...idle.map(endOf));
    return swapIdle(this.device, draft.creator, idle, { start, length: end - start });
  }

  #idleNeighbours(
    draft: Draft,
    span: Span,
    space: readonly Span[],
    gone: readonly Held[],
  ): Held[] {
    // Many spans at once: looking for the neighbours of each would take longer the larger the file is.
    if (space.length === 0) return [];
    const taken = new Set([...gone, ...draft.swaps.flatMap((swap) => swap.gone)]);
    return neighboursOf(span, space, this.#covering).filter((member) =>
      member.id !== this.groupId && !taken.has(member) && this.#isIdle(member)
    );
  }

  #isIdle(member: Held): boolean {
    const counted = this.device.print(member.id);
    return counted !== undefined && isZero(counted);
  }

  /** Names the draft's regions in the descriptor in place of those that go, then deletes these. */
  #commit(draft: Draft, removed: readonly Held[]): void {
    const gone = [...removed, ...draft.swaps.flatMap((swap) => swap.gone)];
    const created = draft.swaps.map(({ region }) => region);
    if (gone.length === 0 && created.length === 0 && !this.#stale) return;
    const tag = this.#tagWith(created, gone);
    if (!fitsMessage(tag)) return this.#commitDense(draft, removed);
    const carrying = created.filter(({ carry }) => carry !== undefined);
    for (const { id, carry } of [...carrying, ...gone]) {
      this.device.setAux(id, spareAux(this.groupId, carry));
    }
    this.#writeTag(tag);
    for (const region of created) {
      settleAux(this.device, this.groupId, region);
      this.#held.set(region.id, region);
      this.notes.created(region.id, region);
    }
    for (const { id } of gone) {
      this.device.remove(id);
      this.#held.delete(id);
      this.notes.deleted(id);
    }
  }

  /** Commits a draft that nothing comes behind; what it lacked, if it could not all be done. */
  #finish(draft: Draft, removed: readonly Held[]): Shortage | undefined {
    this.#commit(draft, removed);
    draft.creator.release();
    return draft.shortage;
  }

  #tagWith(created: readonly Held[], gone: readonly Held[]): GroupTag {
    const ids = new Set([...this.#held.keys(), ...created.map(({ id }) => id)]);
    for (const { id } of gone) ids.delete(id);
    const { alias, user } = this.style;
    return { alias, user, ids: [...ids].sort((a, b) => a - b) };
  }

  /** Throws GroupGoneError. */
  #writeTag(tag: GroupTag): void {
    if (!this.device.setAux(this.groupId, formatGroupTag(tag))) {
      throw new GroupGoneError(`group ${this.groupId} has gone`);
    }
    this.#stale = false;
  }

  /** Where the descriptor would be too long: gives all regions ids in a row or, if that fails, adds none. */
  #commitDense(draft: Draft, removed: readonly Held[]): void {
    const gone = new Set([...removed, ...draft.swaps.flatMap((swap) => swap.gone)]);
    const created = draft.swaps.splice(0).map(({ region }) => region);
    const kept = this.members.filter((one) => one.id !== this.groupId && !gone.has(one));
    const dense = this.#tryDense(draft, [...kept, ...created]);
    const renewed = dense.flatMap((swap) => swap.gone);
    const tag = this.#tagWith([...created, ...dense.map(({ region }) => region)], [
      ...gone,
      ...renewed,
    ]);
    if (dense.length > 0 && fitsMessage(tag)) {
      const whole = created.filter((region) => !renewed.includes(region));
      draft.swaps.push(...dense, ...whole.map((region) => ({ region, gone: [] })));
      return this.#commit(draft, [...gone]);
    }
    for (const region of [...created, ...dense.map((swap) => swap.region)]) {
      this.device.remove(region.id);
    }
    draft.shortage ??= "descriptor";
    const removable = this.#removable(removed);
    if (removable.length > 0) this.#commit(draft, removable);
  }

  /** As many of the regions as can go without making the descriptor too long: one out of the middle of a row adds to it. */
  #removable(regions: readonly Held[]): Held[] {
    const some: Held[] = [];
    for (const region of regions.toSorted((a, b) => b.id - a.id)) {
      if (fitsMessage(this.#tagWith([], [...some, region]))) some.push(region);
    }
    return some;
  }

  #tryDense(draft: Draft, regions: readonly Held[]): Swap[] {
    try {
      return densify(this.device, draft.creator, regions);
    } catch (error) {
      draft.shortage = shortageOf(error);
      return [];
    }
  }

  /** What it lacked, if it could not be done; the leader then stays. Throws GroupGoneError. */
  #replaceLeader(successor: Span | undefined): Shortage | undefined {
    try {
      this.#seatLeader(successor);
      return undefined;
    } catch (error) {
      return shortageOf(error);
    }
  }

  #seatLeader(successor: Span | undefined): void {
    const seat = { device: this.device, group: this.groupId, style: this.style };
    const span = successor ?? NOWHERE;
    const others = [...this.#held.keys()].filter((id) => id !== this.groupId).sort((a, b) => a - b);
    const seated = replaceLeader(seat, span, others);
    if (seated === undefined) throw new GroupGoneError(`group ${this.groupId} has gone`);
    const { id, failure } = seated;
    if (id !== this.groupId) {
      this.#rename(id);
      this.refresh();
      if (failure !== undefined) throw failure;
      return;
    }
    this.#held.set(id, { id, start: span.start, length: span.length, carry: undefined });
    this.notes.deleted(id);
    this.notes.created(id, span);
  }

  /** How many seams there may be, so that there is room for another region. */
  #seamLimit({ length }: readonly Span[]): number {
    return Math.min(this.limits.seams, Math.max(0, this.limits.regions - length - 1));
  }

  /** Merges regions when there are more than the limits allow; what it lacked, if it could not. */
  #compact(space: readonly Span[]): Shortage | undefined {
    const limit = this.#seamLimit(space);
    const excess = this.seams(space.length) - limit;
    if (excess <= 0) return undefined;
    const members = this.#covering.filter(({ id }) => id !== this.groupId);
    // A quarter more than must be, so that it is not for every append that one pair is merged.
    const count = excess + Math.floor(limit / 4);
    const draft = this.#draft();
    try {
      mergeLightest(this.device, draft.creator, space, members, count, draft.swaps);
    } catch (error) {
      draft.shortage = shortageOf(error);
    }
    return this.#finish(draft, []);
  }

  /** Deletes the group with all its regions, if others have not begun to: the leader, which names them, first. Throws StatsError. */
  dissolve(): void {
    if (!this.refresh()) return;
    const others = this.members.filter(({ id }) => id !== this.groupId);
    for (const { id, carry } of others) this.device.setAux(id, spareAux(this.groupId, carry));
    if (!this.device.remove(this.groupId)) return;
    for (const { id } of others) this.device.remove(id);
    for (const id of this.#held.keys()) this.notes.deleted(id);
    this.#held.clear();
  }

  /** What every region has counted, without what it carries; undefined when one is gone. */
  counted(): Counters | undefined {
    return printSum(this.device, this.members);
  }
}
