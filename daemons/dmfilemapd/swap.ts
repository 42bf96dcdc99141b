/**
 * One region in place of others, without losing a count.
 *
 * Counters cannot be moved. So the new region is made first; from then on it counts whatever the old ones do. What the old ones
 * have and it has not is carried in its aux_data. Where the old ones are all zero there is nothing to carry.
 */
import { type GroupStyle, type Held, memberAux, spareAux } from "./group_table.ts";
import type { Span } from "./fiemap.ts";
import { LOW_IDS_MAX, STILL_ATTEMPTS } from "./limits.ts";
import {
  addCounters,
  type Counters,
  IN_FLIGHT,
  isZero,
  type RegionRequest,
  sameCounters,
  subtractCounters,
} from "./stats.ts";
import { GroupGoneError, type StatsDevice, StatsError } from "./stats_device.ts";

/**
 * Makes regions that get an id above the group's. A new region takes the lowest free id; one below the group's would have to be
 * the leader, and the group would go by another id. So what lands there stays until release(), to occupy the place.
 */
export class Creator {
  readonly #low: number[] = [];

  constructor(
    private readonly device: StatsDevice,
    readonly group: number,
    private readonly style: GroupStyle,
  ) {}

  /** A region that is a spare until it is made a member; its id. Throws StatsError, GroupGoneError. */
  create(span: Span, aux = spareAux(this.group)): number {
    const { program, precise, histogram } = this.style;
    const { start, length } = span;
    const request: RegionRequest = { start, length, program, precise, histogram, aux };
    for (;;) {
      const id = this.device.create(request);
      if (id > this.group) return id;
      if (id === this.group) {
        this.device.remove(id);
        throw new GroupGoneError(`the leader of group ${id} has gone`);
      }
      this.#low.push(id);
      if (this.#low.length > LOW_IDS_MAX) {
        throw new StatsError("refused", `more than ${LOW_IDS_MAX} ids below the group's are free`);
      }
    }
  }

  /** Lets go of the ids below the group's. */
  release(): void {
    for (const id of this.#low.splice(0)) this.device.remove(id);
  }
}

function sumOf(all: readonly (Counters | undefined)[]): Counters | undefined {
  const some = all.filter((one) => one !== undefined);
  return some.length === 0 ? undefined : some.reduce(addCounters);
}

/** What the regions have counted together; undefined when one of them is gone. */
export function printSum(device: StatsDevice, regions: readonly Held[]): Counters | undefined {
  const printed = regions.map(({ id }) => device.print(id));
  return printed.includes(undefined) ? undefined : sumOf(printed);
}

export interface Swap {
  readonly region: Held;
  readonly gone: readonly Held[];
}

/**
 * Covers `span` by a new region in place of `olds`, which lie in it and have counted nothing; undefined, with everything as
 * before, when they count meanwhile. Throws StatsError.
 */
export function swapIdle(
  device: StatsDevice,
  creator: Creator,
  olds: readonly Held[],
  span: Span,
): Swap | undefined {
  const id = creator.create(span);
  const counted = printSum(device, olds);
  if (counted !== undefined && isZero(counted)) {
    return {
      region: { ...spanOf(span), id, carry: sumOf(olds.map(({ carry }) => carry)) },
      gone: olds,
    };
  }
  device.remove(id);
  return undefined;
}

/**
 * Puts one new region in place of `olds`, which follow each other, and lets it carry what they have counted. Undefined, with
 * everything as before, when they do not stand still for as long as it takes to read them. Throws StatsError.
 */
export function swapCounted(
  device: StatsDevice,
  creator: Creator,
  olds: readonly Held[],
): Swap | undefined {
  const span = { start: olds[0].start, length: olds.reduce((sum, { length }) => sum + length, 0) };
  const id = creator.create(span);
  const before = countedBefore(device, olds, id);
  if (before === undefined) {
    device.remove(id);
    return undefined;
  }
  const carried = sumOf(olds.map(({ carry }) => carry));
  const carry = isZero(before) ? carried : sumOf([before, carried]);
  return { region: { ...span, id, carry }, gone: olds };
}

function spanOf({ start, length }: Span): Span {
  return { start, length };
}

/** What `olds` counted before region `id` was there: read at a moment at which none of them changes. */
function countedBefore(
  device: StatsDevice,
  olds: readonly Held[],
  id: number,
): Counters | undefined {
  let first = printSum(device, olds);
  for (let attempt = 0; attempt < STILL_ATTEMPTS; attempt++) {
    const since = device.print(id);
    const second = printSum(device, olds);
    if (first === undefined || since === undefined || second === undefined) return undefined;
    if (sameCounters(first, second)) return withoutInFlight(subtractCounters(first, since));
    first = second;
  }
  return undefined;
}

function withoutInFlight({ values, histogram }: Counters): Counters {
  return { values: values.with(IN_FLIGHT, 0n), histogram };
}

/** Makes a spare a member as far as its aux_data tell: `-`, or what it carries. */
export function settleAux(device: StatsDevice, group: number, region: Held): void {
  device.setAux(region.id, memberAux(group, region.carry));
}
