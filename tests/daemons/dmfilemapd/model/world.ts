/**
 * A file, the device under it, and the daemon's group between them; I/O and other users of the device between any two messages.
 * After each message all is checked that must always hold.
 */
import "../../../bind_libc.ts";
import type { Span } from "../../../../daemons/dmfilemapd/fiemap.ts";
import { FREED_STEP_MS, FREED_WAIT_MS } from "../../../../daemons/dmfilemapd/limits.ts";
import { Group, GroupGoneError, type GroupLimits } from "../../../../daemons/dmfilemapd/group.ts";
import type { Random } from "../../../fuzz/random.ts";
import { checkRegions, countsOf, covering, fail, OTHERS, oursIn } from "./checks.ts";
import { DEVICE_SECTORS, DiskFile, type Extent } from "./disk_file.ts";
import { mapOf } from "./fiemap_answers.ts";
import { type Io, SimulatedKernel } from "./kernel.ts";
import { Ledger } from "./ledger.ts";
import { stockCreate, type StockGroup, stockGroups } from "./stock_reader.ts";
import { deviceOver } from "./wire.ts";

const SILENT = { created(): void {}, deleted(): void {}, renamed(): void {} };
/** How long the group may be away while its leader is replaced; longer when somebody else takes the id in between. */
const ABSENT_MESSAGES = 1;
const ABSENT_MESSAGES_DISTURBED = 3;
/** Longer, too, where the kernel has no memory until it has given back the leader's. */
const ABSENT_MESSAGES_WAITING = 4 + FREED_WAIT_MS / FREED_STEP_MS;
const TURNS_MAX = 100;
const LIVES_MAX = 30;

/** How often things happen between two messages, one in so many; 0 is never. */
export interface Weather {
  readonly io: number;
  readonly foreign: number;
  /** The daemon is killed, and another takes over, on copies of everything. */
  readonly kill: number;
  /** How often a wait of 10 ms is as long as an RCU grace period, one time in so many; 0 is never. */
  readonly grace: number;
}

export const CALM: Weather = { io: 0, foreign: 0, kill: 0, grace: 3 };

/** How the group is made. */
export interface Origin {
  readonly features: string;
  readonly alias: string;
  /** Further extents of the file, at its end, which never change. */
  readonly padding: readonly Extent[];
}

class Killed extends Error {}

export class World {
  readonly kernel = new SimulatedKernel();
  readonly file: DiskFile;
  /** All messages, and what else happened, for who reads a failure. */
  readonly log: string[] = [];
  /** How many messages the daemon has sent. */
  messages = 0;
  #group: Group;
  #ledger = new Ledger(DEVICE_SECTORS);
  readonly #foreign = new Map<number, string>();
  #foreigners = 0;
  #phase: "between" | "updating" | "gone" = "between";
  /** The extents that are to be covered. */
  #extents: readonly Span[] = [];
  #absentMessages = 0;
  #isDisturbed = false;
  /** Whether others have used the device, and the daemon has not asked. */
  #isUsed = false;
  /** Whether the daemon is to list the regions, but looks at the file before it does. */
  #owesList = false;
  readonly #firstId: number;

  constructor(
    private readonly random: Random,
    private readonly weather: Weather,
    private readonly limits: GroupLimits,
    private readonly origin: Origin,
  ) {
    this.kernel.onFinish = (io) => this.#counted(io);
    this.file = new DiskFile(random);
    for (let i = random.below(4); i > 0; i--) this.addForeign();
    this.#firstId = stockCreate(this.kernel, this.#mapped(), origin);
    for (let i = random.below(2); i > 0; i--) this.addForeign();
    this.#group = this.#newGroup(this.#firstId);
  }

  #mapped(): readonly Span[] {
    return mapOf([...this.file.extents, ...this.origin.padding]).extents;
  }

  /** The group as stock tools see it. */
  get stock(): StockGroup | undefined {
    return oursIn(this.kernel);
  }

  #newGroup(id: number): Group {
    const after = (text: string): void => this.#afterMessage(text);
    const sleep = (): void => {
      if (this.#happens(this.weather.grace)) this.kernel.passGrace();
    };
    const takeUse = (): boolean => {
      const isUsed = this.#isUsed;
      this.#isUsed = false;
      return isUsed;
    };
    const device = deviceOver(this.kernel, { before: () => {}, after, sleep, takeUse });
    const group = new Group(device, id, this.limits, SILENT);
    if (!group.refresh()) fail(`a new daemon sees no group ${id}`);
    return group;
  }

  /** Another daemon takes over, as after the end of this one. */
  restart(): void {
    this.#group = this.#newGroup(this.#group.id);
  }

  /** As after any use of device-mapper by somebody else: the daemon lists the regions at once, or is yet to do so. */
  refresh(): void {
    this.#isUsed = true;
    this.#owesList = this.random.below(2) === 0;
    if (this.#owesList) return;
    if (!this.#group.refresh()) fail("the group is not seen any more");
  }

  addForeign(): void {
    const start = this.random.below(DEVICE_SECTORS);
    const aux = `theirs${this.#foreigners++}`;
    const { code, text } = this.kernel.message(`@stats_create ${start}+9 /1 ${OTHERS} ${aux}`);
    this.log.push(`others create ${text}`);
    if (code === 0) this.#foreign.set(Number(text), aux);
  }

  removeForeign(): void {
    if (this.#foreign.size === 0) return;
    const id = this.random.pick([...this.#foreign.keys()]);
    this.log.push(`others delete ${id}`);
    this.#foreign.delete(id);
    this.kernel.message(`@stats_delete ${id}`);
  }

  /** Some I/O, from its start to its end. */
  doIo(): void {
    for (let i = this.random.below(4); i > 0; i--) this.#beginIo();
    this.kernel.finishAll();
  }

  #beginIo(): void {
    const start = this.random.below(DEVICE_SECTORS);
    const end = Math.min(DEVICE_SECTORS, start + 1 + this.random.small(20));
    this.kernel.begin({ write: this.random.below(3) > 0, start, end });
  }

  #finishIo(): void {
    const io = this.kernel.finish();
    if (io !== undefined) this.#counted(io);
  }

  #counted(io: Io): void {
    this.#ledger.count(io, this.#phase === "between" ? this.stock?.members ?? [] : []);
  }

  /** Brings the regions in line with the file, and checks that they are; what is lacking, if anything. */
  update(): string | undefined {
    this.#begin();
    let shortage = this.#applyAll(this.#group);
    if (this.#owesList) {
      this.#owesList = false;
      if (!this.#group.refresh()) fail("the group is not seen any more");
      shortage = this.#applyAll(this.#group);
    }
    this.kernel.finishAll();
    this.#phase = "between";
    if (this.#group.id !== this.stock?.leader) fail("the daemon and the stock tools disagree");
    this.#check(this.kernel, this.#ledger, this.limits.regions, shortage);
    this.#ledger.settle(countsOf(this.kernel));
    return shortage;
  }

  /** As many turns as it takes; what is lacking then, if anything. */
  #applyAll(group: Group): string | undefined {
    let applied = group.apply(this.#extents);
    for (let turns = 1; applied.more; turns++) {
      if (turns > TURNS_MAX) fail("there is always more to do");
      applied = group.apply(this.#extents);
    }
    return applied.shortage;
  }

  #begin(): void {
    this.kernel.finishAll();
    this.#extents = this.#mapped();
    const spans = this.#extents.map(({ start, length }) => `${start}+${length}`);
    this.log.push(`update to ${spans.join(" ")}`);
    this.#phase = "updating";
    this.#absentMessages = 0;
    const regions = covering(this.stock ?? fail("there is no group"));
    this.#ledger.begin(regions.filter((region) => this.#isInFile(region)));
  }

  #check(kernel: SimulatedKernel, ledger: Ledger, regions: number, shortage?: string): void {
    checkRegions(kernel, {
      extents: this.#extents,
      regionsMax: Math.min(regions, this.#extents.length + this.limits.seams),
      shortage,
      wasRenamed: oursIn(kernel)?.leader !== this.#firstId,
    });
    const counted = countsOf(kernel);
    // A region that should have gone, but for want of something, still has its counts.
    ledger.check(shortage === undefined ? counted : counted.filter((one) => this.#isInFile(one)));
  }

  #isInFile({ start, end }: { start: number; end: number }): boolean {
    const sectors = Array.from({ length: end - start }, (_, i) => start + i);
    return sectors.every((sector) =>
      this.#extents.some((extent) =>
        extent.start <= sector && sector < extent.start + extent.length
      )
    );
  }

  /** Takes the counts as they are, after somebody has set them to zero or has deleted a region. */
  resettle(): void {
    this.kernel.finishAll();
    this.#ledger.settle(countsOf(this.kernel));
  }

  #afterMessage(text: string): void {
    this.messages++;
    this.log.push(text);
    this.#checkForeign(text);
    if (this.#phase !== "gone") this.#checkStock(text);
    if (this.#phase !== "updating") return;
    if (this.#happens(this.weather.kill)) this.#kill();
    if (this.#happens(this.weather.io)) this.#beginIo();
    if (this.#happens(this.weather.io)) this.#finishIo();
    if (this.#happens(this.weather.foreign)) this.#disturb();
  }

  #happens(oneIn: number): boolean {
    return oneIn > 0 && this.random.below(oneIn) === 0;
  }

  #disturb(): void {
    this.#isDisturbed = true;
    if (this.random.below(2) === 0) this.addForeign();
    else this.removeForeign();
  }

  #checkForeign(text: string): void {
    for (const [id, aux] of this.#foreign) {
      if (this.kernel.row(id)?.aux !== aux) fail(`"${text}" changed somebody else's region ${id}`);
    }
  }

  /** Throws where stock tools would fail, or would see no group for longer than must be. */
  #checkStock(text: string): void {
    const group = this.stock;
    if (group === undefined) {
      const most = this.kernel.room < Infinity
        ? ABSENT_MESSAGES_WAITING
        : this.#isDisturbed
        ? ABSENT_MESSAGES_DISTURBED
        : ABSENT_MESSAGES;
      if (++this.#absentMessages > most) fail(`"${text}": stock tools see no group`);
      return;
    }
    this.#absentMessages = 0;
    this.#isDisturbed = false;
    if (group.user !== "-") fail(`user data became ${group.user}`);
    if (group.members[0].program !== "dmstats") fail("the program's id was lost");
  }

  /** On copies of everything: the daemon is gone after this message, and so may be the next one; the third lives. */
  #kill(): void {
    const kernel = this.kernel.clone();
    const ledger = this.#ledger.clone();
    kernel.onFinish = (io) => ledger.count(io, []);
    kernel.room = Infinity;
    this.log.push("killed, on a copy");
    this.#recover(kernel, this.random.below(LIVES_MAX));
    this.log.push("killed again");
    const shortage = this.#recover(kernel, Infinity);
    kernel.finishAll();
    this.#check(kernel, ledger, Infinity, shortage);
    this.log.push("the original lives on");
  }

  /** A daemon on a copy, which is killed after so many messages; what is lacking if it is not. */
  #recover(kernel: SimulatedKernel, lives: number): string | undefined {
    let left = lives;
    const before = (): void => {
      if (left-- <= 0) throw new Killed();
    };
    const after = (text: string): void => {
      this.log.push(text);
      stockGroups(kernel);
    };
    const id = oursIn(kernel)?.leader ?? this.#group.id;
    const limits = { ...this.limits, regions: Infinity };
    const group = new Group(deviceOver(kernel, { before, after }), id, limits, SILENT);
    try {
      if (!group.refresh()) fail(`after a kill there is no group ${id}`);
      return this.#applyAll(group);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      return undefined;
    }
  }

  /** Updates a group that somebody has deleted; true when the daemon notices and leaves nothing behind. */
  updateGone(): boolean {
    this.#phase = "gone";
    this.log.push("update of what is gone");
    try {
      this.#group.apply(this.#mapped());
    } catch (error) {
      if (!(error instanceof GroupGoneError)) throw error;
    }
    return !this.#group.refresh() && this.kernel.rows.every(({ program }) => program === OTHERS);
  }
}
