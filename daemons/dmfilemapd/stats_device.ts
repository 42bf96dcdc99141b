/** What the group's logic needs of a device: its statistics regions. */
import type { Counters, Region, RegionRequest } from "./stats.ts";

export interface StatsDevice {
  /** All regions, of all programs, ascending. */
  list(): Region[];
  /** The highest id in use. No list(): what others have changed by then is still to be read. */
  highestId(): number;
  /** Whether others may have changed regions since list(). */
  isListStale(): boolean;
  /** The new region's id: the lowest that is free. Waits for the memory of regions that were deleted, if there is no other. */
  create(request: RegionRequest): number;
  /** False when there is no such region. */
  remove(id: number): boolean;
  /** False when there is no such region. */
  setAux(id: number, aux: string): boolean;
  /** Undefined when there is no such region. */
  print(id: number): Counters | undefined;
}

/** Thrown when the group turns out to be gone while it is changed. */
export class GroupGoneError extends Error {
  override name = "GroupGoneError";
}

/** "memory": the kernel takes no more regions; "device": the device is gone; "refused": anything else. */
export type StatsErrorKind = "memory" | "device" | "refused";

/** Thrown by the methods of a StatsDevice. */
export class StatsError extends Error {
  override name = "StatsError";
  constructor(readonly kind: StatsErrorKind, message: string) {
    super(message);
  }
}

export function isMemory(error: unknown): boolean {
  return error instanceof StatsError && error.kind === "memory";
}
