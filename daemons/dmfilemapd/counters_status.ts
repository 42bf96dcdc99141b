/** Counters by name, for people and JSON. */
import type { Counters } from "./stats.ts";

export interface CountersStatus {
  readonly reads: number;
  readonly sectorsRead: number;
  readonly writes: number;
  readonly sectorsWritten: number;
}

/** The four that are exact; the others are times. */
export function aboutCounters({ values }: Counters): CountersStatus {
  const [reads, , sectorsRead, , writes, , sectorsWritten] = values.map(Number);
  return { reads, sectorsRead, writes, sectorsWritten };
}
