/**
 * The regions of a device as the kernel has them.
 *
 * The control node stays open for as long as the scenario runs: the daemon sees when somebody closes it, and a scenario that
 * looks must not wake it.
 */
import { DeviceMapper } from "../../../ffi/devicemapper.ts";
import { type Span, union } from "./extents.ts";

export interface Region extends Span {
  readonly id: number;
  readonly program: string;
  readonly aux: string;
  readonly features: string;
}

export interface Counters {
  readonly reads: number;
  readonly sectorsRead: number;
  readonly writes: number;
  readonly sectorsWritten: number;
}

const ROW = /^(\d+): (\d+)\+(\d+) \d+ (\S+) (\S+)(.*)$/;
const TAG = /^DMS_GROUP=(.*):([\d,-]+)#(.*)$/;
/** Further out than any device: what is there counts nothing. */
const NOWHERE = 2 ** 50;

let opened: DeviceMapper | undefined;

/** There is no node before libdevmapper has made the first device. */
function control(): DeviceMapper {
  if (opened !== undefined) return opened;
  const node = DeviceMapper.open(2 ** 26);
  if (typeof node === "number") throw new Error(`the control node: errno ${-node}`);
  return opened = node;
}

export class Stats {
  constructor(readonly device: number) {}

  message(text: string): string {
    const node = control();
    const result = node.message(this.device, text);
    if (result < 0) throw new Error(`${text}: errno ${-result}`);
    return node.answer;
  }

  /** All regions of the device. */
  list(): Region[] {
    return this.message("@stats_list").split("\n").filter((row) => row !== "").map(regionOf);
  }

  create(span: Span, program = "other", aux = "-"): number {
    return Number(this.message(`@stats_create ${span.start}+${span.length} /1 ${program} ${aux}`));
  }

  remove(id: number): void {
    this.message(`@stats_delete ${id}`);
  }

  /** What a region has counted, which goes on counting. */
  print(id: number): Counters {
    const [, reads, , sectorsRead, , writes, , sectorsWritten] = this.message(`@stats_print ${id}`)
      .trim().split(/\s+/).map(Number);
    return { reads, sectorsRead, writes, sectorsWritten };
  }

  group(id = 0): Group | undefined {
    const regions = this.list();
    const leader = regions.find((region) => region.id === id);
    const [, alias, list, user] = TAG.exec(leader?.aux ?? "") ?? [];
    if (list === undefined) return undefined;
    const ids = expand(list);
    return { alias, user, ids, regions: regions.filter((region) => ids.includes(region.id)) };
  }

  /**
   * Sectors that the regions of a group have counted together; undefined when there is no group. Read at a moment at which it has
   * the same regions before and after.
   */
  written(id = 0): number | undefined {
    for (let tries = 0; tries < 50; tries++) {
      const { ids } = this.group(id) ?? {};
      if (ids === undefined) return undefined;
      const sum = this.#sumOf(ids);
      if (sum !== undefined && String(this.group(id)?.ids) === String(ids)) return sum;
    }
    throw new Error(`group ${id} does not stand still`);
  }

  #sumOf(ids: readonly number[]): number | undefined {
    try {
      return ids.reduce((sum, member) => sum + this.print(member).sectorsWritten, 0);
    } catch {
      return undefined; // one has been replaced meanwhile
    }
  }
}

export interface Group {
  readonly alias: string;
  readonly user: string;
  readonly ids: readonly number[];
  readonly regions: readonly Region[];
}

/** The regions that count, as they are. */
export function covering({ regions }: Pick<Group, "regions">): Region[] {
  return regions.filter(({ start }) => start < NOWHERE);
}

/** What a group covers, as a set of sectors. */
export function covered(group: Pick<Group, "regions">): Span[] {
  return union(covering(group));
}

function regionOf(row: string): Region {
  const [, id, start, length, program, aux, features] = ROW.exec(row) ?? [];
  if (id === undefined) throw new Error(`a row of @stats_list is "${row}"`);
  return {
    id: Number(id),
    start: Number(start),
    length: Number(length),
    program,
    aux,
    features: features.trim(),
  };
}

/** `0-2,5` as 0, 1, 2, 5. */
function expand(list: string): number[] {
  return list.split(",").flatMap((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
